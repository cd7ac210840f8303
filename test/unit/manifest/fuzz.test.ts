import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { checkConditions, conditionInputs } from "../../support/condition-inputs.ts";
import { checkParser, manifestInputs, soundManifest } from "../../support/manifest-inputs.ts";
import { parseManifest } from "../../../src/manifest/parse.ts";

/* The short form of `bun run fuzz`, which runs a million. */

test("a manifest with every key is sound before it's broken", () => {
  expect(parseManifest(soundManifest, "m.yml")).toHaveProperty("manifest");
});

test("whatever is given for a manifest: no throw, problems in the file's order and inside of it", () => {
  fc.assert(fc.property(manifestInputs, checkParser), { numRuns: 700 });
});

test("whatever is given for a condition: no throw, and a mistake inside of it", () => {
  fc.assert(fc.property(conditionInputs, checkConditions), { numRuns: 1000 });
});

test("the check itself sees what is wrong", () => {
  const seen: string[] = [];
  fc.check(
    fc.property(manifestInputs, (text) => {
      const parsed = parseManifest(text, "m.yml");
      seen.push("manifest" in parsed ? "sound" : parsed.problems.length > 1 ? "several" : "one");
    }),
    { numRuns: 200 },
  );
  expect(new Set(seen)).toEqual(new Set(["sound", "several", "one"]));
});
