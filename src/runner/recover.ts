import { setTimeout as sleep } from "node:timers/promises";
import { RunnerError } from "../shared/errors.ts";
import type { StageCondition, StageHandle } from "../engine/engine.ts";
import type { RunState } from "../events/run-state.ts";
import { removeWork } from "./cleanup.ts";
import type { RunnerOptions } from "./context.ts";
import { giveUp } from "./verdicts.ts";

export type Recovered =
  | { readonly kind: "adopt"; readonly handle: StageHandle }
  /** Nothing of its script has run. */
  | { readonly kind: "begin" }
  | { readonly kind: "over" };

const engineRetryMs = 2000;

/** What to do with a run that an earlier process of the runner had begun. Waits for the engine if need be. */
export async function recoverRun(state: RunState, options: RunnerOptions): Promise<Recovered> {
  const condition = state.handle === null ? "created" : await conditionOf(state.handle, options);
  if (state.handle !== null && (condition === "running" || condition === "ended")) {
    options.log.info("adopted a run", { run: state.runId, stage: state.request.stageId, condition });
    return { kind: "adopt", handle: state.handle };
  }
  if (condition === "gone") {
    await giveUp(state, "its container was gone when the runner came back", options);
    await removeWork(state, options);
    return { kind: "over" };
  }
  await untilEngineAnswers(() => options.engine.remove(state.runId));
  await removeWork(state, options);
  return { kind: "begin" };
}

async function conditionOf(handle: StageHandle, { engine }: RunnerOptions): Promise<StageCondition> {
  return untilEngineAnswers(() => engine.inspect(handle, AbortSignal.timeout(30_000)));
}

async function untilEngineAnswers<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RunnerError) || error.code !== "engine_unreachable") throw error;
      await sleep(engineRetryMs, undefined, { ref: false });
    }
  }
}
