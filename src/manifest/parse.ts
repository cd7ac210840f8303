import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { readDocument, type Path, type Source } from "./document.ts";
import type { Manifest, ManifestVariables } from "./manifest.ts";
import type { Problem } from "./problem.ts";
import { ruleProblems, type Checked } from "./rules.ts";
import { manifestSchema, mostStages, stageIdPattern, stageSchema, type ManifestStage } from "./schema.ts";
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
  if (!("source" in read)) return { problems: inOrder(read.problems) };
  const { source, value } = read;
  if (!isRecord(value)) {
    return {
      problems: [...read.problems, source.problemAtValue([], "a manifest must be a map with stages")],
    };
  }
  const known = withoutExtensions(value);
  const shape = shapeProblems(source, manifestSchema, known);
  const manifest = shape.length > 0 ? undefined : manifestOf(source, known);
  const problems = [...read.problems, ...shape, ...ruleProblems(soundParts(source, known))];
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
  if (bytes.startsWith("\uFEFF")) return decode(bytes.slice(1));
  return bytes.includes("\0") ? { wrong: "the manifest isn't a text: it has NUL bytes" } : bytes;
}

/** What can be checked by the rules although something else is wrong: the keys that are sound by themselves. */
function soundParts(source: Source, value: Record<string, unknown>): Checked {
  const listed = isRecord(value["stages"]) ? value["stages"] : {};
  const stages = source
    .keys(["stages"])
    .filter((id) => stageId.test(id))
    .slice(0, mostStages)
    .map((id) => [id, soundKeys(listed[id])] as const);
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
    stages: inFileOrder(source, value.stages, withText),
  };
}

/** An object would have the stages "2" and "10" before "build", wherever they stand. */
function inFileOrder<T>(
  source: Source,
  stages: Readonly<Record<string, T>>,
  finish: (stage: T, path: Path) => T,
): Map<string, T> {
  const ordered = new Map<string, T>();
  for (const id of source.keys(["stages"])) {
    const stage = stages[id];
    if (stage !== undefined) ordered.set(id, finish(stage, ["stages", id]));
  }
  return ordered;
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
