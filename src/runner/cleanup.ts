import { messageOf, systemCodeOf } from "../shared/errors.ts";
import type { StageHandle } from "../engine/engine.ts";
import type { RunState } from "../events/run-state.ts";
import type { RunnerOptions } from "./context.ts";

/** After the verdict, off the path: the container, and the run's work folder. What fails is left to the next sweep. */
export async function cleanUp(
  state: RunState,
  handle: StageHandle | undefined,
  options: RunnerOptions,
): Promise<void> {
  const { engine, log, settings } = options;
  const { runId } = state;
  try {
    const endedByItself = state.verdict?.exitCode !== null && !wasStopped(state);
    if (handle !== undefined && endedByItself) await engine.dismiss(handle);
    const vanishes = endedByItself && settings().ephemeral && state.plan.services === undefined;
    if (handle === undefined || !vanishes) await engine.remove(runId);
  } catch (error) {
    log.warn("couldn't remove the container of a run", { run: runId, error: messageOf(error) });
  }
  await removeWork(state, options).catch((error: unknown) => {
    log.warn("couldn't remove the work folder of a run", { run: runId, error: messageOf(error) });
  });
}

/** Files that a stage left as root can't be removed by another user; then a container of the stage's image does it. */
export async function removeWork(state: RunState, { engine, store }: RunnerOptions): Promise<void> {
  try {
    await store.removeWork(state.runId);
  } catch (error) {
    if (!["EACCES", "EPERM", "ENOTEMPTY"].includes(systemCodeOf(error) ?? "")) throw error;
    await engine.erase(`${await store.workFolder(state.runId)}/workspace`, state.plan.image.name);
    await store.removeWork(state.runId);
  }
}

/** Something of it may still be on its way to its end. */
function wasStopped({ verdict }: RunState): boolean {
  return verdict?.cause === "canceled" || verdict?.cause === "timeout";
}
