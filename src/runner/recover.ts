import type { StageHandle } from "../engine/engine.ts";
import type { RunState } from "../events/run-state.ts";
import { removeWork } from "./cleanup.ts";
import type { RunnerOptions } from "./context.ts";
import { failure } from "./outcome.ts";
import { untilAvailable } from "./retry.ts";
import { awaitsNextTry, deservesAnotherTry, recordFailedTry } from "./tries.ts";
import { giveUp } from "./verdicts.ts";

export type Recovered =
  | { readonly kind: "adopt"; readonly state: RunState; readonly handle: StageHandle }
  /** Nothing of its script has run, or a try of it has failed and the next one is due. `state` has no container. */
  | { readonly kind: "begin"; readonly state: RunState }
  | { readonly kind: "over" };

const inspectMs = 30_000;

/** What to do with a run that an earlier process of the runner had begun. Waits for the engine if need be. */
export async function recoverRun(
  state: RunState,
  options: RunnerOptions,
  signal: AbortSignal,
): Promise<Recovered> {
  const what = `run ${state.runId}, which was begun before this start,`;
  return untilAvailable(() => recoverNow(state, options, signal), { what }, options, signal);
}

async function recoverNow(state: RunState, options: RunnerOptions, signal: AbortSignal): Promise<Recovered> {
  const { engine, log } = options;
  const { runId, handle, request } = state;
  if (awaitsNextTry(state)) return { kind: "begin", state };
  const condition =
    handle === null ? "created" : await engine.inspect(handle, AbortSignal.timeout(inspectMs));
  if (handle !== null && (condition === "running" || condition === "ended")) {
    log.info("adopted a run", { run: runId, stage: request.stageId, condition });
    return { kind: "adopt", state, handle };
  }
  if (condition === "gone") {
    const outcome = failure("engine", "its container was gone when the runner came back");
    if (state.cancelRequestedBy === null && deservesAnotherTry(outcome, state)) {
      const runLog = await options.store.openLog(runId);
      const failed = await recordFailedTry(state, { log: runLog, outcome, exit: undefined }, options);
      return { kind: "begin", state: failed };
    }
    await giveUp(state, outcome.reason, options);
    await engine.remove(runId); // services may have stayed
    await removeWork(state, options);
    return { kind: "over" };
  }
  return { kind: "begin", state: await beginAnew(state, options, signal) };
}

/** The new attempt is on record before its old container goes: else a crash in between would look like a stage that was lost. */
async function beginAnew(state: RunState, options: RunnerOptions, signal: AbortSignal): Promise<RunState> {
  const { engine, store } = options;
  const { runId, deadline, attempts } = state;
  if (deadline === null) throw new Error(`run ${runId} was begun without a deadline`);
  const begun = await store.record(runId, { type: "started", attempt: attempts + 1, deadline });
  // Tried again by itself: by now what is on record is the new attempt.
  const remove = (): Promise<void> => engine.remove(runId);
  await untilAvailable(remove, { what: `the old container of run ${runId}` }, options, signal);
  await removeWork(state, options);
  return begun;
}
