import { expect, test } from "bun:test";
import { exitOfResults } from "../../../../src/cli/exec/results.ts";
import { failure, result, stage, verdict } from "./samples.ts";

const good = result(stage("good"), verdict());
const passed = result(stage("passed"), verdict({ status: "PASSED", exitCode: null }));
const bad = result(stage("bad"), failure());
const allowed = result(stage("allowed", { allowFailure: true }), failure());
const late = result(stage("late"), failure({ cause: "timeout", exitCode: null }));
const canceled = result(stage("canceled"), verdict({ status: "CANCELED", cause: "canceled" }));

test.each([
  ["nothing ran", [], 0],
  ["all is well", [good, passed], 0],
  ["what failed may fail", [good, allowed], 0],
  ["a stage failed", [good, bad, passed], 1],
  ["a stage ran out of time", [late, good, passed, allowed], 124],
  ["one ran out of time and another failed", [late, bad], 1],
  ["a stage was canceled by someone else", [good, canceled], 1],
])("when %s, the exit code follows", (_, results, exit) => {
  expect(exitOfResults(results)).toBe(exit);
});
