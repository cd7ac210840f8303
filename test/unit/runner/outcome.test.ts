import { expect, test } from "bun:test";
import type { Exit, StepExit } from "../../../src/engine/engine.ts";
import {
  isExpected,
  namedSteps,
  outcomeOfError,
  outcomeOfExit,
  outcomeOfInterruption,
} from "../../../src/runner/outcome.ts";
import { type ErrorCode, RunnerError } from "../../../src/shared/errors.ts";
import { planOf } from "./bench.ts";

const plan = planOf({ id: "build", beforeScript: ["b"], script: ["s", "t"], afterScript: ["a"] });

const shown = { masked: (text: string): string => text };

function exitOf(exitCode: number | null, more: Partial<Exit> = {}): Exit {
  return { exitCode, outOfMemory: false, lost: false, steps: [], usage: {}, ...more };
}

test("an exit code of successExit is a success, even when something was killed for want of memory", () => {
  const lenient = { ...plan, successExit: [0, 42] };
  for (const exitCode of [0, 42]) {
    for (const outOfMemory of [true, false]) {
      expect(outcomeOfExit(exitOf(exitCode, { outOfMemory }), lenient)).toEqual({
        status: "SUCCESS",
        exitCode,
        cause: null,
        reason: "",
      });
    }
  }
  expect(outcomeOfExit(exitOf(0), { ...plan, successExit: [1] })).toMatchObject({
    status: "FAILURE",
    cause: "script",
    exitCode: 0,
  });
});

test("every other end is a failure with its cause and a reason", () => {
  const ends: [Exit, string][] = [
    [exitOf(1), "script"],
    [exitOf(137), "script"],
    [exitOf(137, { outOfMemory: true }), "oom"],
    [exitOf(null, { outOfMemory: true }), "oom"],
    [exitOf(null), "engine"],
    [exitOf(null, { lost: true }), "engine"],
  ];
  for (const [exit, cause] of ends) {
    const outcome = outcomeOfExit(exit, plan);
    expect(outcome).toMatchObject({ status: "FAILURE", cause, exitCode: exit.exitCode });
    expect(outcome.reason).toMatch(/^[a-z].+[^.]$/);
  }
});

test("the reason names the command that failed", () => {
  const steps = [
    { step: 1, exitCode: 0, durationSeconds: 1 },
    { step: 2, exitCode: 3, durationSeconds: 1 },
  ];
  expect(outcomeOfExit(exitOf(3, { steps }), plan).reason).toBe("command 2 ended with exit code 3");
  expect(outcomeOfExit(exitOf(4, { steps }), plan).reason).toBe("the script ended with exit code 4");
});

test("an interruption decides the outcome, and the exit code that there was is kept", () => {
  expect(outcomeOfInterruption("canceled", plan)).toMatchObject({
    status: "CANCELED",
    cause: "canceled",
    exitCode: null,
  });
  expect(outcomeOfInterruption("canceled", plan, exitOf(0))).toMatchObject({
    status: "CANCELED",
    exitCode: 0,
  });
  const timeout = outcomeOfInterruption("timeout", { ...plan, timeoutSeconds: 90 }, exitOf(143));
  expect(timeout).toMatchObject({ status: "FAILURE", cause: "timeout", exitCode: 143 });
  expect(timeout.reason).toContain("90 s");
});

test("every error around the script has its cause, and tells no more than it may", () => {
  const expected: [ErrorCode, string][] = [
    ["invalid_request", "manifest"],
    ["image_unavailable", "image"],
    ["engine_unreachable", "engine"],
    ["engine_failed", "engine"],
    ["conflict", "engine"],
    ["checkout_failed", "checkout"],
    ["repository_invalid", "checkout"],
    ["artifacts_invalid", "artifacts"],
    ["disk_full", "disk"],
    ["state_unwritable", "disk"],
  ];
  for (const [code, cause] of expected) {
    const error = new RunnerError(code, "what went wrong");
    expect(isExpected(error)).toBe(true);
    expect(outcomeOfError(error)).toMatchObject({
      status: "FAILURE",
      cause,
      exitCode: null,
      reason: "what went wrong",
    });
  }
  for (const error of [new Error("/secret"), "text", undefined, new RunnerError("usage", "/secret")]) {
    expect(isExpected(error)).toBe(false);
    expect(outcomeOfError(error)).toMatchObject({ status: "FAILURE", cause: "engine" });
    expect(outcomeOfError(error).reason).not.toContain("secret");
  }
});

test("steps bear the names of the plan's commands; those that the plan doesn't have are left out", () => {
  const steps: StepExit[] = [1, 2, 3, 4, 5, 0, -1].map((step) => ({ step, exitCode: 0, durationSeconds: 1 }));
  expect(
    namedSteps(exitOf(0, { steps }), plan, shown).map(({ step, section, command }) => [
      step,
      section,
      command,
    ]),
  ).toEqual([
    [1, "before_script", "b"],
    [2, "script", "s"],
    [3, "script", "t"],
    [4, "after_script", "a"],
  ]);
  expect(namedSteps(undefined, plan, shown)).toEqual([]);
});
