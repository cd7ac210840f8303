import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { count, flag, isRecord, list, oneOf, optional, record, type Shape, text } from "../events/shape.ts";
import { systemCodeOf } from "../shared/errors.ts";
import { isArtifactId, manifestIn } from "./layout.ts";
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
  /** Of a symbolic link its target, relative to its folder; that is what size and sha256 are of, then. */
  readonly link?: string;
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
  link: optional(text),
});
const manifest = record({ version: oneOf(1), expiresAt: optional(text), artifacts: list(artifact) });

/** What artifacts.json says: without it, none of the artifacts is there. */
export interface Seal {
  readonly artifacts: readonly SealedArtifact[];
  /** RFC 3339; from then on they aren't there any more. */
  readonly expiresAt?: string;
}

function isSeal(value: unknown): value is Seal {
  return isRecord(value) && manifest(value);
}

export function sealText({ artifacts, expiresAt }: Seal): string {
  return `${JSON.stringify({ version: 1, expiresAt, artifacts }, null, 1)}\n`;
}

/** Of a folder of artifacts. */
export function readSealIn(artifacts: string): Seal | undefined {
  try {
    const value = parseLine(readFileSync(manifestIn(artifacts), "utf8"));
    return isSeal(value) ? value : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "")) return undefined;
    throw error;
  }
}

export function toArtifact({ id, name, path, size, sha256, link }: SealedArtifact): Artifact {
  return { id, name, path, size, sha256, ...(link === undefined ? {} : { link }) };
}
