import { readDocument, type Path } from "./document.ts";
import { isPart, isTemplate, withExtends, type Extended } from "./extends.ts";
import type { Manifest } from "./manifest.ts";
import type { Problem } from "./problem.ts";
import { isRecord, type Fields } from "./record.ts";
import { ruleProblems } from "./rules.ts";
import { unfoldAll, type Matrices } from "./rules/matrices.ts";
import { manifestSchema, stageSchema } from "./schema.ts";
import { shapeProblems } from "./shape.ts";
import { soundParts } from "./sound.ts";
import { manifestOf } from "./to-manifest.ts";

export type Parsed = { readonly manifest: Manifest } | { readonly problems: readonly Problem[] };

export const largestManifestBytes = 1024 * 1024;
const mostProblems = 500;

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
  const known = withoutOwn(value);
  const extended = withExtends(source, known);
  const shape = allShapeProblems(extended, known);
  const parts = soundParts(extended, known);
  const matrices = unfoldAll(parts);
  const problems = [
    ...read.problems,
    ...extended.problems,
    ...shape,
    ...matrices.problems,
    ...ruleProblems({ ...parts, combinations: matrices.combinations }),
  ];
  if (problems.length > 0) return { problems: inOrder(problems) };
  return manifestFrom(extended, known, matrices);
}

function manifestFrom(extended: Extended, known: Fields, { combinations }: Matrices): Parsed {
  const stages = [...extended.stages].filter(([id]) => !isTemplate(id));
  const value = { ...known, stages: Object.fromEntries(stages) };
  const manifest: Manifest = manifestOf(extended.source, value, combinations);
  return { manifest };
}

/**
 * Each value is checked where it was written; then stages that extend others as a whole, for what is still missing.
 */
function allShapeProblems({ source, stages, incomplete }: Extended, known: Fields): Problem[] {
  const written = shapeProblems(source, { schema: manifestSchema, value: known, isPart: partsIn(known) });
  const places = new Set(written.map(placeOf));
  const merged = [...stages].filter(
    ([id, stage]) => !isTemplate(id) && !incomplete.has(id) && stage !== stageIn(known, id),
  );
  const missing = merged.flatMap(([id, value]) =>
    shapeProblems(source, { schema: stageSchema, value, at: ["stages", id], isMerged: true }),
  );
  return [...written, ...missing.filter((problem) => !places.has(placeOf(problem)))];
}

/** Of a path in the manifest, whether it leads into a stage that is a part of others, or has parts of others. */
export function partsIn(known: Fields): (path: Path) => boolean {
  return ([first, id, ...rest]) =>
    first === "stages" && typeof id === "string" && rest.length > 0 && isPart(id, stageIn(known, id));
}

function stageIn(known: Fields, id: string): unknown {
  return isRecord(known["stages"]) ? known["stages"][id] : undefined;
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

/** Keys that begin with x- are the user's own. */
function withoutOwn(value: Fields): Fields {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith("x-")));
}

/** By place; what several stages have taken over is said once. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const seen = new Set<string>();
  const different = sorted.filter((problem) => {
    const key = `${placeOf(problem)} ${problem.message}`;
    return seen.has(key) ? false : seen.add(key);
  });
  return different.slice(0, mostProblems);
}

function placeOf({ line, column }: Problem): string {
  return `${String(line)}:${String(column)}`;
}

function ofFile(file: string, message: string): Problem {
  return { file, line: 1, column: 1, length: 1, message, source: "" };
}
