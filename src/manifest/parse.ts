import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { readDocument, type Path, type Source } from "./document.ts";
import type { Manifest, ManifestVariables } from "./manifest.ts";
import type { Problem } from "./problem.ts";
import { ruleProblems, type Checked } from "./rules.ts";
import { manifestSchema, stageIdPattern, stageSchema, type ManifestStage } from "./schema.ts";
import { shapeProblems } from "./shape.ts";

export type Parsed = { readonly manifest: Manifest } | { readonly problems: readonly Problem[] };

export const largestManifestBytes = 1024 * 1024;
const mostProblems = 500;
const stageId = new RegExp(stageIdPattern);

/** A manifest from a file's bytes, or everything that is wrong with it, in the order of the file. `file` names it in problems. */
export function parseManifest(bytes: Uint8Array | string, file: string): Parsed {
  const text = decode(bytes);
  if (typeof text !== "string") return { problems: [ofFile(file, text.wrong)] };
  if (text.trim() === "")
    return { problems: [ofFile(file, "the manifest is empty; it needs at least stages")] };
  const read = readDocument(text, file);
  if ("problems" in read) return { problems: inOrder(read.problems) };
  const { source, value } = read;
  if (!isRecord(value)) {
    return { problems: [source.problemAtValue([], "a manifest must be a map with stages")] };
  }
  const known = withoutExtensions(value);
  const shape = shapeProblems(source, manifestSchema, known);
  const manifest = shape.length > 0 ? undefined : manifestOf(source, known);
  const problems = [...shape, ...nulProblems(source, known, []), ...ruleProblems(soundParts(source, known))];
  if (problems.length > 0 || manifest === undefined) return { problems: inOrder(problems) };
  return { manifest };
}

function decode(bytes: Uint8Array | string): string | { readonly wrong: string } {
  const size = typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length;
  if (size > largestManifestBytes) return { wrong: "the manifest is larger than 1 MiB" };
  if (typeof bytes !== "string") {
    try {
      return decode(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      return { wrong: "the manifest isn't a text in UTF-8" };
    }
  }
  return bytes.includes("\0") ? { wrong: "the manifest isn't a text: it has NUL bytes" } : bytes;
}

/** What can be checked by the rules although something else is wrong: the keys that are sound by themselves. */
function soundParts(source: Source, value: Record<string, unknown>): Checked {
  const listed = isRecord(value["stages"]) ? Object.entries(value["stages"]) : [];
  const stages = listed
    .filter(([id]) => stageId.test(id))
    .map(([id, stage]) => [id, soundKeys(stage)] as const);
  return { source, stages: new Map(stages), defaults: "default" in value ? soundKeys(value["default"]) : {} };
}

/** A script that is there but no script has its error already: for the rules it's a script. */
function soundKeys(stage: unknown): ManifestStage {
  if (!isRecord(stage)) return { script: "unsound" };
  const schemas: Readonly<Record<string, TSchema>> = stageSchema.properties;
  const sound = Object.entries(stage).filter(([key, each]) => {
    const schema = Object.hasOwn(schemas, key) ? schemas[key] : undefined;
    return schema !== undefined && Value.Check(schema, each);
  });
  const keys = Object.fromEntries("script" in stage ? [["script", "unsound"], ...sound] : sound);
  return Value.Check(stageSchema, keys) ? keys : { script: "unsound" };
}

function manifestOf(source: Source, value: Record<string, unknown>): Manifest | undefined {
  if (!Value.Check(manifestSchema, value)) return undefined;
  const withText = <T extends { variables?: Record<string, unknown> }>(stage: T, path: Path): T =>
    stage.variables === undefined
      ? stage
      : { ...stage, variables: asText(source, [...path, "variables"], stage.variables) };
  return {
    default: withText(value.default ?? {}, ["default"]),
    variables: asText(source, ["variables"], value.variables ?? {}),
    stages: new Map(Object.entries(value.stages).map(([id, stage]) => [id, withText(stage, ["stages", id])])),
  };
}

function asText(source: Source, path: Path, variables: Record<string, unknown>): ManifestVariables {
  const entries = Object.entries(variables).map(([name, value]): [string, string] => {
    const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return [
      name,
      typeof value === "string" || !isScalar ? String(value) : source.written([...path, name], value),
    ];
  });
  return Object.fromEntries(entries);
}

/** YAML can write NUL as an escape; no shell and no environment can take it. */
function nulProblems(source: Source, value: unknown, path: Path): Problem[] {
  if (typeof value === "string") {
    return value.includes("\0") ? [source.problemAtValue(path, "a NUL character can't stand here")] : [];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    nulProblems(source, each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function withoutExtensions(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith("x-")));
}

function inOrder(problems: readonly Problem[]): Problem[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return sorted.filter((problem, index) => !isSame(problem, sorted[index - 1])).slice(0, mostProblems);
}

function isSame(one: Problem, other: Problem | undefined): boolean {
  return one.line === other?.line && one.column === other.column && one.message === other.message;
}

function ofFile(file: string, message: string): Problem {
  return { file, line: 1, column: 1, length: 1, message, source: "" };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
