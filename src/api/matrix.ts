import type { RunState } from "../events/run-state.ts";
import type { ApiStore } from "./options.ts";

type MatrixStore = Pick<ApiStore, "load" | "newestCombinationsOf">;

/** The newest run of each combination of a matrix, in the newest pipeline that has any; none for a stage that is no matrix. */
export async function combinationsOf(
  store: MatrixStore,
  stageId: string,
  pipelineId: string | undefined,
): Promise<readonly RunState[]> {
  const ids = store.newestCombinationsOf(stageId, pipelineId);
  const states = await Promise.all(ids.map((runId) => store.load(runId)));
  const runs = states.filter((state) => state !== undefined);
  // Pipeline ids are the forge's, and two repositories may have the same: the newest run says which is meant.
  const newest = runs.toSorted((one, other) => (one.runId < other.runId ? 1 : -1))[0]?.request;
  return runs.filter(({ request }) => request.orgId === newest?.orgId && request.repoId === newest.repoId);
}
