import { expect, test } from "bun:test";
import { Ajv } from "ajv";
import { Glob } from "bun";
import * as fc from "fast-check";
import { readDocument, type Read } from "../../../src/manifest/document.ts";
import { isObject, jsonSchema, type Json, type JsonObject } from "../../../src/manifest/json-schema.ts";
import { parseManifest, partsIn } from "../../../src/manifest/parse.ts";
import { isRecord } from "../../../src/manifest/record.ts";
import { manifestSchema } from "../../../src/manifest/schema.ts";
import { shapeProblems } from "../../../src/manifest/shape.ts";
import { manifestInputs } from "../../support/manifest-inputs.ts";

/* The schema that is published says the same as the one that validates: two validators agree on every manifest there is. */

const ajv = new Ajv({ allowUnionTypes: true, allErrors: true });
ajv.addVocabulary(["patternErrorMessage"]);
const validates = ajv.compile(jsonSchema());

const valid = [
  "test/e2e/cases/*/.gitfoss-ci.yml",
  "test/unit/plan/testdata/*.yml",
  "examples/*/.gitfoss-ci.yml",
];
const broken = ["test/unit/manifest/testdata/*.yml"];

function filesOf(patterns: readonly string[]): string[] {
  const paths = patterns.flatMap((pattern) => [...new Glob(pattern).scanSync({ cwd: ".", dot: true })]);
  return paths.toSorted();
}

test("there are manifests to hold against it", () => {
  expect(filesOf(valid).length).toBeGreaterThan(30);
  expect(filesOf(broken).length).toBeGreaterThan(15);
});

for (const path of filesOf(valid)) {
  test(`it accepts ${path}`, async () => {
    const text = await Bun.file(path).text();
    const parsed = parseManifest(text, path);
    if ("problems" in parsed) return; // of a case about a manifest that is wrong
    const read = readDocument(text, path);
    validates("value" in read ? read.value : undefined);
    expect(validates.errors ?? []).toEqual([]);
  });
}

for (const path of filesOf(broken)) {
  test(`of ${path} it says what our own check of its shape says`, async () => {
    const read = readDocument(await Bun.file(path).text(), path);
    if (!("value" in read)) return; // no value at all
    expect(validates(read.value)).toBe(isSound(read));
  });
}

test("whatever is changed in a manifest, it says what our own check says", () => {
  fc.assert(
    fc.property(manifestInputs, (text) => {
      const read = readDocument(text, "m.yml");
      if ("value" in read && isRecord(read.value)) expect(validates(read.value)).toBe(isSound(read));
    }),
    { numRuns: 300 },
  );
});

test("every key says what it is for", () => {
  const silent = keysIn(jsonSchema(), "").filter(({ schema }) => !describes(schema));
  expect(silent.map(({ path }) => path)).toEqual([]);
  expect(describes({ description: "A list of commands." })).toBe(false);
});

test("every example and every default is one", () => {
  const { definitions = {} } = jsonSchema();
  const wrong = keysIn(jsonSchema(), "").flatMap(({ schema }) => {
    const { examples = [], default: fallback, ...form } = schema;
    const refers = JSON.stringify(form).includes("$ref");
    const fits = ajv.compile(refers ? { ...form, definitions } : form);
    const shown: unknown[] = Array.isArray(examples) ? [...examples] : [];
    return [...shown, ...(fallback === undefined ? [] : [fallback])].filter((example) => !fits(example));
  });
  expect(wrong).toEqual([]);
});

function describes({ description }: JsonObject): boolean {
  return typeof description === "string" && description.includes("\n\nMust be ");
}

/** Every key of every map of the schema. */
function keysIn(
  value: Json | undefined,
  path: string,
): { readonly path: string; readonly schema: JsonObject }[] {
  if (Array.isArray(value)) return value.flatMap((each: Json, index) => keysIn(each, `${path}/${index}`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const below = ["default", "examples"].includes(key) && !path.endsWith("/properties");
    const found =
      path.endsWith("/properties") && isObject(each) ? [{ path: `${path}/${key}`, schema: each }] : [];
    return below ? [] : [...found, ...keysIn(each, `${path}/${key}`)];
  });
}

function isSound({ source, value: written }: Read): boolean {
  const value = withoutOwn(written);
  const isPart = isRecord(value) ? partsIn(value) : () => false;
  return shapeProblems(source, { schema: manifestSchema, value, isPart }).length === 0;
}

function withoutOwn(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith("x-")));
}
