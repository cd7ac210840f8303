import { expect, test } from "bun:test";
import { parseManifest } from "../../../src/manifest/parse.ts";
import { compilePlan } from "../../../src/plan/compile.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { selectStages } from "../../../src/plan/select.ts";

const manifest =
  'stages:\n  build: {script: x}\n  test: {script: x, needs: [build]}\n  deploy: {script: x, needs: [test]}\n  lint: {script: x}\n  wide: {script: x, needs: [lint], matrix: {N: [1, 2]}}\n  last: {script: x, needs: ["wide:2"]}\n';

function plan(): Plan {
  const parsed = parseManifest(manifest, "m.yml");
  if ("problems" in parsed) throw new Error("problems");
  return compilePlan(parsed.manifest, { image: "a", timeoutSeconds: 1, successExit: [0] });
}

function idsOf(stageIds: readonly string[]): readonly string[] {
  return selectStages(plan(), stageIds).stages.map(({ id }) => id);
}

test("stages come with all that they need, in the plan's order", () => {
  expect(idsOf(["deploy"])).toEqual(["build", "test", "deploy"]);
  expect(idsOf(["lint", "build"])).toEqual(["build", "lint"]);
});

test("no stages named are all of them", () =>
  expect(idsOf([])).toEqual(["build", "test", "deploy", "lint", "wide:1", "wide:2", "last"]));

test("a matrix goes by its own id for all of it, and each combination by its own", () => {
  expect(idsOf(["wide"])).toEqual(["lint", "wide:1", "wide:2"]);
  expect(idsOf(["wide:1"])).toEqual(["lint", "wide:1"]);
  expect(idsOf(["last"])).toEqual(["lint", "wide:2", "last"]);
  expect(() => idsOf(["wide:3"])).toThrow('did you mean "wide:1"?');
});

test("an unknown stage is an error that names the nearest, or all there are", () => {
  expect(() => idsOf(["tset"])).toThrow('no stage "tset"; did you mean "test"?');
  expect(() => idsOf(["something else"])).toThrow(
    "there are build, test, deploy, lint, wide:1, wide:2, last, wide",
  );
});
