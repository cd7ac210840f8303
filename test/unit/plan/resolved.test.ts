import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { renderProblem } from "../../../src/manifest/frame.ts";
import { parseManifest } from "../../../src/manifest/parse.ts";
import { writeYaml } from "../../../src/manifest/write.ts";
import { compilePlan } from "../../../src/plan/compile.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { manifestOfPlan } from "../../../src/plan/resolved.ts";
import { soundManifest } from "../../support/manifest-inputs.ts";

const defaults = { image: "alpine:latest", timeoutSeconds: 5432, successExit: [0] };
const paths = [
  "test/unit/plan/testdata/*.yml",
  "test/e2e/cases/*/.gitfoss-ci.yml",
  "examples/*/.gitfoss-ci.yml",
]
  .flatMap((pattern) => [...new Glob(pattern).scanSync({ cwd: ".", dot: true })])
  .toSorted();

function planOf(text: string): Plan | string {
  const parsed = parseManifest(text, "m.yml");
  if ("manifest" in parsed) return compilePlan(parsed.manifest, defaults);
  return parsed.problems.map(renderProblem).join("\n");
}

/** A combination no longer knows its matrix; that's all that is lost. */
function withoutMatrices(plan: Plan): Plan {
  return { ...plan, stages: plan.stages.map(({ matrixOf: _matrixOf, ...stage }) => stage) };
}

describe("what a manifest comes to is a manifest with the same plan", () => {
  test("one with every key", () => {
    expect(planOf(soundManifest)).toBeObject();
    expectSame(soundManifest);
  });
  for (const path of paths) test(path, async () => expectSame(await Bun.file(path).text()));

  function expectSame(text: string): void {
    const plan = planOf(text);
    if (typeof plan === "string") return; // of a case about a manifest that is wrong
    const resolved = writeYaml({ stages: manifestOfPlan(plan) });
    expect(planOf(resolved)).toEqual(withoutMatrices(plan));
  }
});

test("every default is there, and what says nothing isn't", () => {
  const plan = planOf("stages: { a: { script: make } }");
  if (typeof plan === "string") throw new Error(plan);
  expect(writeYaml({ stages: manifestOfPlan(plan) })).toBe(`stages:
  a:
    image:
      name: alpine:latest
      pull_policy: if_not_present
    shell: sh
    script:
      - make
    working_directory: .
    when: on_success
    timeout: 1h 30m 32s
    success_exit:
      - 0
    allow_failure: false
    network: default
    retry: 0
    git:
      depth: 1
      submodules: none
      lfs: false
`);
});
