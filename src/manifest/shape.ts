import { KindGuard, type TSchema } from "@sinclair/typebox";
import { Value, ValueErrorType, type ValueError } from "@sinclair/typebox/value";
import type { Path, Source } from "./document.ts";
import { sameElsewhere } from "./other-words.ts";
import type { Problem } from "./problem.ts";
import { nearest } from "./suggest.ts";

const mostErrors = 1000;

/** A value to be checked, and where in the manifest it stands. */
export interface Shaped {
  readonly schema: TSchema;
  readonly value: unknown;
  readonly at?: Path;
  /** Of a path: whether keys that are missing there may come from elsewhere. */
  readonly isPart?: (path: Path) => boolean;
  /** Its values were checked before they came together: only what is wrong with the whole is asked for. */
  readonly isMerged?: boolean;
}

/** What can be wrong with a map of sound values. */
const ofTheWhole: ReadonlySet<ValueErrorType> = new Set([
  ValueErrorType.ObjectRequiredProperty,
  ValueErrorType.ObjectMaxProperties,
]);

/** What is wrong with the value's shape, in words. */
export function shapeProblems(
  source: Source,
  { schema, value, at = [], isPart = never, isMerged = false }: Shaped,
): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const error of errorsOf(schema, value)) {
    if (isMerged && !ofTheWhole.has(error.type)) continue;
    const path = [...at, ...toPath(error.path, value)];
    const key = JSON.stringify(path);
    if (seen.has(key)) continue; // a pattern and a length fail together: one is enough
    seen.add(key);
    const isMissing = error.type === ValueErrorType.ObjectRequiredProperty;
    if (!(isMissing && isPart(path.slice(0, -1)))) problems.push(problemOf(source, error, path));
  }
  return problems;
}

function never(): boolean {
  return false;
}

/** Of a union, the errors of the alternative that was meant; those of the union itself say too little. */
function errorsOf(schema: TSchema, value: unknown, prefix = ""): ValueError[] {
  const found: ValueError[] = [];
  for (const error of Value.Errors(schema, value)) {
    if (found.length >= mostErrors) break;
    const meant = error.type === ValueErrorType.Union ? alternativeFor(error.schema, error.value) : undefined;
    const path = prefix + error.path;
    if (meant === undefined) found.push({ ...error, path });
    else found.push(...errorsOf(meant, error.value, path));
  }
  return found;
}

function alternativeFor(schema: TSchema, value: unknown): TSchema | undefined {
  const alternatives: unknown = schema["anyOf"];
  if (!Array.isArray(alternatives) || typeof value !== "object" || value === null) return undefined;
  const type = Array.isArray(value) ? "array" : "object";
  return alternatives.find((alternative: TSchema) => alternative["type"] === type);
}

function problemOf(source: Source, error: ValueError, path: Path): Problem {
  const name = String(path.at(-1) ?? "");
  if (error.type === ValueErrorType.ObjectAdditionalProperties) {
    return source.problemAtKey(path, unknownKey(error.schema, path));
  }
  if (error.type === ValueErrorType.ObjectRequiredProperty) {
    return source.problemAtKey(path.slice(0, -1), `${placeOf(path.slice(0, -1))} needs the key "${name}"`);
  }
  return source.problemAtValue(path, `${placeOf(path)} must be ${expected(error)}${hint(error)}`);
}

function unknownKey(schema: TSchema, path: Path): string {
  const name = String(path.at(-1));
  const [first, second] = path;
  if (path.length === 2 && first === "stages") {
    return `"${name}" is no stage id: it takes 1 to 128 letters, digits, ".", "_", ":" and "-", the first a letter or digit, or a dot before them for a template`;
  }
  if (schema["patternProperties"] !== undefined) {
    return `"${name}" is no variable name: it takes letters, digits and "_", the first not a digit`;
  }
  const known = KindGuard.IsObject(schema) ? Object.keys(schema.properties) : [];
  const where =
    first === "stages" && second !== undefined
      ? ` in stage "${String(second)}"`
      : path.length > 1
        ? ` in "${String(first)}"`
        : "";
  return `unknown key "${name}"${where}${meantBy(name, path, known)}`;
}

function meantBy(name: string, path: Path, known: readonly string[]): string {
  if (path.length === 2 && path[0] === "default" && (name === "needs" || name === "extends"))
    return "; each stage says that for itself";
  const same = sameElsewhere(name, known);
  if (same !== undefined) return `; what it says elsewhere, "${same}" says here`;
  const near = nearest(name, known);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

function expected({ schema }: ValueError): string {
  return typeof schema.description === "string" ? schema.description : "something else";
}

/** The mistakes that everybody makes once. */
function hint({ value, schema }: ValueError): string {
  if (value === null) return "; nothing stands here";
  const description = String(schema.description);
  if (typeof value === "object") return hintOfHolder(value, schema);
  if (description.includes("duration") && typeof value === "number") return ", not a bare number";
  const isOtherScalar = typeof value === "number" || typeof value === "boolean";
  return isOtherScalar && takesText(schema) ? `; YAML reads a ${typeof value} here: quote it` : "";
}

function hintOfHolder(value: object, schema: TSchema): string {
  if (Array.isArray(value))
    return value.length === 0 && schema["minItems"] === 1 ? "; this one is empty" : "";
  return String(schema.description).includes("command") ? "; YAML reads a map here: quote the command" : "";
}

/** Any text, that is: not one of some words. */
function takesText(schema: TSchema): boolean {
  const alternatives: unknown = schema["anyOf"];
  const forms: readonly TSchema[] = Array.isArray(alternatives) ? alternatives : [schema];
  return forms.some((form) => form["type"] === "string" && form["const"] === undefined);
}

/** "stages.build.script[2]" as people say it. */
function placeOf(path: Path): string {
  const [first, second, ...rest] = path;
  if (path.length === 0) return "the manifest";
  if (first === "stages" && second !== undefined) {
    return rest.length === 0 ? `stage "${String(second)}"` : `"${joined(rest)}" of stage "${String(second)}"`;
  }
  return `"${joined(path)}"`;
}

function joined(path: Path): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${String(key + 1)}]` : index === 0 ? key : `.${key}`))
    .join("");
}

/** A JSON pointer; whether a part is an index is told by the value it leads through. */
function toPath(pointer: string, value: unknown): Path {
  if (pointer === "") return [];
  let here: unknown = value;
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((key) => {
      const step = Array.isArray(here) ? Number(key) : key;
      here = typeof here === "object" && here !== null ? Reflect.get(here, step) : undefined;
      return step;
    });
}
