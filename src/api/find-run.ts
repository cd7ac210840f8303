import type { RunState } from "../events/run-state.ts";
import { RunnerError } from "../shared/errors.ts";
import { combinationsOf } from "./matrix.ts";
import type { ApiStore } from "./options.ts";

export async function findRun(store: Pick<ApiStore, "load">, runId: string): Promise<RunState> {
  const run = await store.load(runId);
  if (run === undefined) throw new RunnerError("not_found", "there is no run with this id on this runner");
  return run;
}

/** The run that a stage's address means: the one that is named, else the newest one. A matrix has a run for each of its combinations. */
export async function findRunOfStage(
  store: Pick<ApiStore, "load" | "newestRunOf" | "newestCombinationsOf">,
  stageId: string,
  narrow: { readonly pipelineId?: string; readonly runId?: string },
): Promise<RunState> {
  const runId = narrow.runId ?? store.newestRunOf(stageId, narrow.pipelineId);
  const run = runId === undefined ? undefined : await store.load(runId);
  if (run === undefined || !isOf(run, stageId, narrow.pipelineId)) {
    const combinations = await combinationsOf(store, stageId, narrow.pipelineId);
    if (narrow.runId === undefined && combinations.length > 0) throw severalRuns(stageId, combinations);
    throw new RunnerError(
      "not_found",
      "there is no such run of this stage on this runner; it was never triggered, or is gone",
    );
  }
  return run;
}

function severalRuns(stageId: string, runs: readonly RunState[]): RunnerError {
  const ids = runs.map(({ request }) => request.stageId);
  const message = `is a matrix; name one of its combinations: ${ids.join(", ")}`;
  return new RunnerError("invalid_request", `${JSON.stringify(stageId)} ${message}`, {
    errors: [{ path: "path.stageId", message }],
  });
}

function isOf(run: RunState, stageId: string, pipelineId: string | undefined): boolean {
  return (
    (run.request.stageId === stageId || run.plan.matrixOf === stageId) &&
    (pipelineId === undefined || run.request.pipelineId === pipelineId)
  );
}
