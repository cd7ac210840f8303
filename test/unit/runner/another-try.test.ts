import { expect, test } from "bun:test";
import type { RunState } from "../../../src/events/run-state.ts";
import { deservesAnotherTry } from "../../../src/runner/tries.ts";
import type { RetryPlan } from "../../../src/plan/plan.ts";
import { planOf } from "./bench.ts";

function deserves(
  retry: RetryPlan | undefined,
  cause: "script" | "oom" | "timeout",
  exitCode: number | null,
) {
  const plan = planOf({ id: "a", ...(retry === undefined ? {} : { retry }) });
  return deservesAnotherTry({ status: "FAILURE", cause, exitCode }, { plan } satisfies Partial<RunState>);
}

test("when and exit_codes decide what is tried again; with both, either suffices", () => {
  expect(deserves(undefined, "script", 1)).toBe(false);
  expect(deserves({ max: 0 }, "script", 1)).toBe(false);
  expect(deserves({ max: 1 }, "script", 1)).toBe(true);
  expect(deserves({ max: 1 }, "timeout", null)).toBe(true);
  expect(deserves({ max: 1, when: ["oom"] }, "script", 1)).toBe(false);
  expect(deserves({ max: 1, when: ["oom"] }, "oom", 137)).toBe(true);
  expect(deserves({ max: 1, exitCodes: [75] }, "script", 75)).toBe(true);
  expect(deserves({ max: 1, exitCodes: [75] }, "script", 1)).toBe(false);
  expect(deserves({ max: 1, exitCodes: [143] }, "timeout", 143)).toBe(false);
  expect(deserves({ max: 1, when: ["timeout"], exitCodes: [75] }, "script", 75)).toBe(true);
  expect(deserves({ max: 1, when: ["timeout"], exitCodes: [75] }, "timeout", null)).toBe(true);
});
