import { defaultManifest } from "./manifest.ts";
import { manifestSchema, plainIdPattern, stageIdPattern, templateIdPattern } from "./schema.ts";

export type Json = null | string | number | boolean | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** The manifest's JSON Schema, in the draft that every editor knows. */
export function jsonSchema(): JsonObject {
  const { properties, ...root } = published(plainSchema());
  const keys = mapOf(properties);
  const { patternProperties, ...stages } = mapOf(keys["stages"]);
  const stage = mapOf(mapOf(patternProperties)[stageIdPattern]);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "https://gitfoss.dev/schemas/gitfoss-ci.json",
    title: `GitFOSS CI manifest (${defaultManifest})`,
    ...root,
    properties: { ...keys, stages: { ...stages, patternProperties: stagesById } },
    patternProperties: { "^x-": { description: "Keys that begin with x- are yours: nobody looks at them." } },
    definitions: { stage, part: withoutRequired(stage) },
  };
}

/** What a template, or a stage that extends another, leaves out may come from elsewhere. */
const part = { $ref: "#/definitions/part" };
const whole = { $ref: "#/definitions/stage" };
const extending = { type: "object", required: ["extends"] };
const stagesById = {
  [templateIdPattern]: part,
  // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
  [plainIdPattern]: { if: extending, then: part, else: whole },
};

function withoutRequired(schema: JsonObject): JsonObject {
  const { required: _required, ...rest } = schema;
  return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, allWithoutRequired(value)]));
}

function allWithoutRequired(value: Json): Json {
  if (isList(value)) return value.map(allWithoutRequired);
  return isObject(value) ? withoutRequired(value) : value;
}

/** The definition without what serves TypeScript alone. */
export function plainSchema(): JsonObject {
  const plain: JsonObject = JSON.parse(JSON.stringify(manifestSchema));
  return plain;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** `inherited`: what is said of the key that the schema is an alternative for; editors show the alternative's words. */
function published(schema: JsonObject, inherited?: string): JsonObject {
  const { about, otherwise, description, anyOf, ...rest } = schema;
  const words = inherited ?? sentencesOf({ about, otherwise, description });
  const keywords = Object.entries(rest).map(([keyword, value]) => [
    keyword,
    publishedKeyword(keyword, value),
  ]);
  const values = literalsOf(anyOf);
  const below = about === undefined ? inherited : words;
  return {
    ...(words === "" ? {} : { description: words }),
    ...(typeof rest["pattern"] === "string" ? { patternErrorMessage: `must be ${textOf(description)}` } : {}),
    ...Object.fromEntries(keywords),
    ...(values === undefined ? {} : { type: "string", enum: values }),
    ...(values === undefined && isList(anyOf)
      ? { anyOf: anyOf.filter(isObject).map((one) => published(one, below)) }
      : {}),
  };
}

function publishedKeyword(keyword: string, value: Json): Json {
  if (!isObject(value)) return value;
  if (keyword === "items") return published(value);
  if (keyword !== "properties" && keyword !== "patternProperties") return value;
  const entries = Object.entries(value).map(([name, each]) => [
    name,
    isObject(each) ? published(each) : each,
  ]);
  return Object.fromEntries(entries);
}

/** What an editor shows: what the key is for, then its form. */
function sentencesOf(words: Readonly<Record<string, Json | undefined>>): string {
  const { about, otherwise, description } = words;
  const form = textOf(description);
  if (typeof about !== "string") return form === "" ? "" : `${form.charAt(0).toUpperCase()}${form.slice(1)}.`;
  const fallback = otherwise === undefined ? "" : ` Default: ${textOf(otherwise)}.`;
  return `${about}\n\nMust be ${form}.${fallback}`;
}

/** Of "one of these words", the words: editors offer an enum's values, and say them when another stands there. */
export function literalsOf(alternatives: Json | undefined): readonly Json[] | undefined {
  if (!isList(alternatives)) return undefined;
  const values = alternatives.flatMap((one) => (isObject(one) ? (one["const"] ?? []) : []));
  return values.length === alternatives.length ? values : undefined;
}

export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

export function mapOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
