import { expect, test } from "bun:test";
import type { Status } from "../../../src/events/event.ts";
import { statusOfAll } from "../../../src/events/matrix-status.ts";
import { reduceRun, type RunState } from "../../../src/events/run-state.ts";
import { stagePlan } from "../../support/stage-plan.ts";

const request = {
  pipelineId: "p",
  orgId: "o",
  repoId: "r",
  stageId: "test:1",
  source: { kind: "tree", folder: "/x" },
  variables: {},
} as const;

/** "tolerated": a failure that its stage allows. */
function run(status: Status | "tolerated"): RunState {
  const plan = stagePlan({ allowFailure: status === "tolerated" });
  const state = reduceRun(undefined, { type: "accepted", seq: 1, time: "t", runId: "x", request, plan });
  if (status === "PENDING" || status === "RUNNING") return { ...state, status };
  const final = status === "tolerated" ? "FAILURE" : status;
  const log = { lines: 0, bytes: 0, sha256: "" };
  const verdict = {
    status: final,
    exitCode: null,
    cause: null,
    reason: "",
    steps: [],
    usage: {},
    log,
    artifacts: 0,
  };
  return { ...state, status: final, verdict };
}

const together: readonly (readonly [of: readonly (Status | "tolerated")[], status: Status])[] = [
  [["PENDING", "PENDING"], "PENDING"],
  [["PENDING", "RUNNING"], "RUNNING"],
  [["PENDING", "SUCCESS"], "RUNNING"],
  [["FAILURE", "RUNNING"], "RUNNING"],
  [["FAILURE", "PENDING"], "RUNNING"],
  [["SUCCESS", "SUCCESS"], "SUCCESS"],
  [["SUCCESS", "FAILURE", "CANCELED", "PASSED"], "FAILURE"],
  [["SUCCESS", "CANCELED", "PASSED"], "CANCELED"],
  [["SUCCESS", "PASSED"], "SUCCESS"],
  [["PASSED", "PASSED"], "PASSED"],
  [["tolerated", "PASSED"], "SUCCESS"],
  [["tolerated", "FAILURE"], "FAILURE"],
];

for (const [of, status] of together) {
  test(`${of.join(", ")} together are ${status}`, () => {
    expect(statusOfAll(of.map(run))).toBe(status);
    expect(statusOfAll(of.toReversed().map(run))).toBe(status);
  });
}
