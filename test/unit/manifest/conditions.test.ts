import { expect, test } from "bun:test";
import { parseManifest } from "../../../src/manifest/parse.ts";

/** A list of a hundred rules that hundreds of stages share. */
function shared(condition: string): string {
  const rules = Array.from({ length: 100 }, (_, index) => `    - if: ${condition} || $V${String(index)}`);
  const stages = Array.from({ length: 250 }, (_, index) => `  s${String(index)}: {script: x, rules: *all}`);
  return `x-rules: &all\n${rules.join("\n")}\nstages:\n${stages.join("\n")}\n`;
}

test("conditions that aliases make thousands of are read once each", () => {
  const long = Array.from({ length: 300 }, (_, index) => `$V${String(index)} == "${"x".repeat(8)}"`).join(
    " || ",
  );
  expect(parseManifest(shared(long), "m.yml")).toHaveProperty("manifest");
});

test("of mistakes that aliases make thousands of, so many are told as people read", () => {
  const parsed = parseManifest(shared(`$A == "${"x".repeat(5000)}" or $B`), "m.yml");
  expect("problems" in parsed ? parsed.problems.length : 0).toBeGreaterThan(0);
  expect("problems" in parsed ? parsed.problems.length : 0).toBeLessThanOrEqual(500);
});
