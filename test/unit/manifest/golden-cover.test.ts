import { expect, test } from "bun:test";
import { Glob } from "bun";
import { isObject, jsonSchema, mapOf, type Json } from "../../../src/manifest/json-schema.ts";

test("of every key a golden shows what is said when it's wrong", async () => {
  const folder = `${import.meta.dir}/testdata`;
  const texts = await Promise.all(
    [...new Glob("*.txt").scanSync(folder)].map((name) => Bun.file(`${folder}/${name}`).text()),
  );
  const said = texts
    .join("\n")
    .replaceAll(/\[\d+\]/g, "[]")
    .replaceAll(/"secrets\.\w+\./g, '"secrets.KEY.');
  const stage = mapOf(jsonSchema()["definitions"])["stage"];
  const keys = keysIn(stage, "");
  expect(keys.length).toBeGreaterThan(70);
  expect(
    keys.filter((key) => !said.includes(`"${key}" of stage `) && !said.includes(`"${key}[]" of stage `)),
  ).toEqual([]);
});

/** "image.name", "rules[].if", "secrets.KEY.file": as errors have them. */
function keysIn(schema: Json | undefined, prefix: string): string[] {
  const { properties, anyOf, items, patternProperties } = mapOf(isObject(schema) ? schema : undefined);
  const own = Object.entries(mapOf(properties)).flatMap(([key, each]) => [
    `${prefix}${key}`,
    ...keysIn(each, `${prefix}${key}.`),
  ]);
  const alternatives = (Array.isArray(anyOf) ? anyOf : []).flatMap((one: Json) => keysIn(one, prefix));
  const entries = isObject(items) ? keysIn(items, prefix.replace(/\.$/, "[].")) : [];
  const named = Object.values(mapOf(patternProperties)).flatMap((each) => keysIn(each, `${prefix}KEY.`));
  return [...new Set([...own, ...alternatives, ...entries, ...named])];
}
