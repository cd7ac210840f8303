import { expect, test } from "bun:test";
import { parseManifest } from "../../../src/manifest/parse.ts";
import { compilePlan } from "../../../src/plan/compile.ts";

test("what five hundred stages have from default stands in the plan once", () => {
  const stages = Array.from({ length: 500 }, (_, i) => `  s${i}: { script: x }`).join("\n");
  const rules = Array.from({ length: 50 }, () => `    - { if: $A, changes: [${"a, ".repeat(999)}b] }`);
  const parsed = parseManifest(`default:\n  rules:\n${rules.join("\n")}\nstages:\n${stages}\n`, "m.yml");
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const plan = compilePlan(parsed.manifest, { image: "a", timeoutSeconds: 1, successExit: [0] });
  expect(new Set(plan.stages.map((stage) => stage.rules)).size).toBe(1);
});
