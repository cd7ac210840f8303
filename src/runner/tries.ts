import { timestamp } from "../shared/clock.ts";
import type { Exit } from "../engine/engine.ts";
import type { Cause, FailedTry } from "../events/event.ts";
import { endedByScript, type RunState } from "../events/run-state.ts";
import type { RetryPlan } from "../plan/plan.ts";
import type { RunLog } from "../store/run-log.ts";
import { removeWork } from "./cleanup.ts";
import type { RunnerOptions } from "./context.ts";
import { namedSteps, type Outcome } from "./outcome.ts";
import { untilAvailable } from "./retry.ts";

/** Whether the manifest wants the run tried once more after this. */
export function deservesAnotherTry(
  outcome: Pick<Outcome, "status" | "cause" | "exitCode">,
  { plan: { retry }, tries = [] }: Pick<RunState, "plan" | "tries">,
): boolean {
  if (outcome.status !== "FAILURE" || retry === undefined || tries.length >= retry.max) return false;
  return isMeant(retry, outcome);
}

/** Any failure when neither list is there; with both, either suffices. */
function isMeant(
  { when, exitCodes }: RetryPlan,
  { cause, exitCode }: Pick<Outcome, "cause" | "exitCode">,
): boolean {
  if (when === undefined && exitCodes === undefined) return true;
  const byCause = cause !== null && (when ?? []).includes(cause);
  return byCause || endedByScript({ cause, exitCode }, exitCodes ?? []);
}

/** Its last try has failed, and the one that is to follow isn't on record yet. */
export function awaitsNextTry({ tries, attempts }: RunState): boolean {
  return tries?.at(-1)?.attempt === attempts;
}

/** Puts a failed try on record, before anything of it goes: else a crash in between would look like a stage that was lost. */
export async function recordFailedTry(
  state: RunState,
  {
    log,
    outcome,
    exit,
  }: { readonly log: RunLog; readonly outcome: Outcome; readonly exit: Exit | undefined },
  { store, clock }: RunnerOptions,
): Promise<RunState> {
  const { runId, plan, attempts, pullSeconds, tries } = state;
  const since = tries?.at(-1)?.finishedAt ?? state.startedAt ?? state.createdAt;
  const runSeconds = Math.max(0, clock.now() - Date.parse(since)) / 1000;
  return store.record(runId, {
    type: "try_failed",
    attempt: attempts,
    exitCode: outcome.exitCode,
    cause: causeOf(outcome),
    reason: log.masked(outcome.reason),
    steps: namedSteps(exit, plan, log),
    usage: { pullSeconds: pullSeconds ?? undefined, runSeconds, ...exit?.usage },
    lines: log.lastSeq,
    finishedAt: timestamp(clock.now()),
  });
}

/**
 * Between two tries: nothing of the failed one is left, and the next one is on record, with a deadline of its own. Waits
 * for engine and disk if need be. May be done again after a crash at any point of it.
 */
export async function beginNextTry(
  state: RunState,
  log: RunLog,
  options: RunnerOptions,
  signal: AbortSignal,
): Promise<RunState> {
  const { engine, store, clock } = options;
  const { runId, plan, attempts, tries = [] } = state;
  const failed = tries.at(-1);
  if (failed === undefined) throw new Error(`run ${runId} has no failed try`);
  const waiting = <T>(what: string, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return untilAvailable(work, { what: `${what} of run ${runId}` }, options, signal);
  };
  // The runner's line is the first after the failed try's, so a log with more lines has it.
  if (log.lastSeq <= failed.lines)
    await waiting("the log", async () =>
      log.sayAnew(lineBetween(failed, tries.length, plan.retry?.max ?? 0)),
    );
  await waiting("the container of a failed try", () => engine.remove(runId));
  await removeWork(state, options);
  return waiting("the next try", () => {
    const deadline = timestamp(clock.now() + plan.timeoutSeconds * 1000);
    return store.record(runId, { type: "started", attempt: attempts + 1, deadline });
  });
}

function lineBetween({ cause, reason }: FailedTry, failed: number, retries: number): string {
  const all = String(Math.max(failed, retries) + 1);
  return `try ${String(failed)} of ${all} failed (${cause}: ${reason}); now comes try ${String(failed + 1)} of ${all}`;
}

function causeOf({ cause }: Outcome): Cause {
  if (cause === null) throw new Error("a failed try has no cause");
  return cause;
}
