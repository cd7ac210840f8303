import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { count, flag, isRecord, list, oneOf, optional, record, type Shape, text } from "../events/shape.ts";
import { systemCodeOf } from "../shared/errors.ts";
import { artifactsManifest, isArtifactId } from "./layout.ts";
import { parseLine } from "./ndjson.ts";

/** A file that a run left behind. */
export interface Artifact {
  /** The same for the same path. */
  readonly id: string;
  /** The last part of `path`. */
  readonly name: string;
  /** Relative to the workspace. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** As artifacts.json has it. */
export interface SealedArtifact extends Artifact {
  readonly executable?: true;
}

export function artifactIdOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 16);
}

/** What can be said of a path that a stage gave: no control characters, which could deceive whoever reads it. */
export function hasControlCharacters(path: string): boolean {
  return /[\p{Cc}\u2028\u2029]/u.test(path);
}

/** Relative, and without a part that leads elsewhere. */
function isInnerPath(path: string): boolean {
  return (
    !hasControlCharacters(path) &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}

const artifactId: Shape = (value) => typeof value === "string" && isArtifactId(value);
const innerPath: Shape = (value) => typeof value === "string" && isInnerPath(value);
const artifact = record({
  id: artifactId,
  name: text,
  path: innerPath,
  size: count,
  sha256: text,
  executable: optional(flag),
});
const manifest = record({ version: oneOf(1), artifacts: list(artifact) });

function isManifest(value: unknown): value is { readonly artifacts: readonly SealedArtifact[] } {
  return isRecord(value) && manifest(value);
}

export function manifestText(artifacts: readonly SealedArtifact[]): string {
  return `${JSON.stringify({ version: 1, artifacts }, null, 1)}\n`;
}

/** What is sealed of a run; nothing before that. */
export function readSealed(folder: string, runId: string): readonly SealedArtifact[] {
  try {
    const value = parseLine(readFileSync(artifactsManifest(folder, runId), "utf8"));
    return isManifest(value) ? value.artifacts : [];
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}

export function toArtifact({ id, name, path, size, sha256 }: SealedArtifact): Artifact {
  return { id, name, path, size, sha256 };
}
