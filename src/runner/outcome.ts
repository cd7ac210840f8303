import { RunnerError, messageOf, type ErrorCode } from "../shared/errors.ts";
import { sizeText } from "../shared/bytes.ts";
import type { Exit } from "../engine/engine.ts";
import type { Cause, FinalStatus, Step } from "../events/event.ts";
import type { StagePlan } from "../plan/plan.ts";
import type { RunLog } from "../store/run-log.ts";
import type { InterruptionKind } from "./interruption.ts";

/** The part of a verdict that says how it went. */
export interface Outcome {
  readonly status: FinalStatus;
  readonly exitCode: number | null;
  readonly cause: Cause | null;
  readonly reason: string;
}

/** Of commands that ended by themselves or were killed by others than us. */
export function outcomeOfExit(exit: Exit, plan: StagePlan): Outcome {
  const { exitCode } = exit;
  if (exitCode !== null && plan.successExit.includes(exitCode)) {
    return { status: "SUCCESS", exitCode, cause: null, reason: "" };
  }
  if (exit.outOfMemory) {
    return failure("oom", outOfMemory(plan), exitCode);
  }
  if (exitCode !== null) return failure("script", scriptReason(exit, exitCode), exitCode);
  return failure("engine", "the container was ended from outside, by neither its script nor the runner");
}

/** A command that was killed may be one that the script does without: then it's a warning. */
export function warningsOf(exit: Exit | undefined, { status }: Outcome, plan: StagePlan): string[] {
  if (exit?.outOfMemory !== true || status !== "SUCCESS") return [];
  return [`warning: ${outOfMemory(plan)}; the script went on without it`];
}

function outOfMemory({ resources }: StagePlan): string {
  const limit = resources?.memoryBytes;
  const allowed = limit === undefined ? "" : `; resources.memory is ${sizeText(limit)}`;
  return `a process of the stage was killed for want of memory${allowed}`;
}

export function outcomeOfInterruption(kind: InterruptionKind, plan: StagePlan, exit?: Exit): Outcome {
  const exitCode = exit?.exitCode ?? null;
  if (kind === "canceled") return { status: "CANCELED", exitCode, cause: "canceled", reason: "canceled" };
  if (exit !== undefined && hadEndedItsScript(exit, plan)) return outcomeOfExit(exit, plan);
  return failure("timeout", `it took longer than its timeout of ${String(plan.timeoutSeconds)} s`, exitCode);
}

/** Only its after_script was left to be interrupted, which can't change the result. */
function hadEndedItsScript({ exitCode, steps }: Exit, { beforeScript, script }: StagePlan): boolean {
  return exitCode !== null && steps.some(({ step }) => step > beforeScript.length + script.length);
}

/** Of what went wrong around the script. */
export function outcomeOfError(error: unknown): Outcome {
  const cause = error instanceof RunnerError ? causes[error.code] : undefined;
  if (cause !== undefined) return failure(cause, messageOf(error));
  return failure("engine", "an internal error of the runner; its log says more");
}

export function isExpected(error: unknown): boolean {
  return error instanceof RunnerError && causes[error.code] !== undefined;
}

export function failure(cause: Cause, reason: string, exitCode: number | null = null): Outcome {
  return { status: "FAILURE", exitCode, cause, reason };
}

/** The steps with the names that the plan has for them, as they may leave the run. */
export function namedSteps(exit: Exit | undefined, plan: StagePlan, log: Pick<RunLog, "masked">): Step[] {
  const commands = [
    ...plan.beforeScript.map((command) => ({ section: "before_script" as const, command })),
    ...plan.script.map((command) => ({ section: "script" as const, command })),
    ...plan.afterScript.map((command) => ({ section: "after_script" as const, command })),
  ];
  return (exit?.steps ?? []).flatMap((step) => {
    const named = commands[step.step - 1];
    return named === undefined ? [] : [{ ...step, ...named, command: log.masked(named.command) }];
  });
}

function scriptReason(exit: Exit, exitCode: number): string {
  const failed = exit.steps.findLast((step) => step.exitCode === exitCode);
  const where = failed === undefined ? "the script" : `command ${String(failed.step)}`;
  return `${where} ended with exit code ${String(exitCode)}`;
}

const causes: Partial<Record<ErrorCode, Cause>> = {
  invalid_request: "manifest",
  image_unavailable: "image",
  engine_unreachable: "engine",
  engine_failed: "engine",
  service_failed: "service",
  conflict: "engine",
  checkout_failed: "checkout",
  repository_invalid: "checkout",
  artifacts_invalid: "artifacts",
  config_invalid: "engine",
  disk_full: "disk",
  state_unwritable: "disk",
};
