import type { RunState } from "../events/run-state.ts";
import { checkOut } from "../source/checkout.ts";
import type { Store } from "../store/store.ts";
import { neededRuns } from "./needs.ts";

/** The folders of a run while it runs; all under its work folder, which is closed to others. */
export interface WorkFolders {
  readonly workspace: string;
  readonly room: string;
}

export async function workFolders(runId: string, store: Store): Promise<WorkFolders> {
  const work = await store.workFolder(runId);
  return { workspace: `${work}/workspace`, room: `${work}/room` };
}

/** Files of the source, and over them the artifacts of what the stage needs, in the order of its needs. */
export async function fillWorkspace(
  state: RunState,
  folders: WorkFolders,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const { source } = state.request;
  await checkOut({ source, workspace: folders.workspace, depth: state.plan.gitDepth }, signal);
  for (const needed of await neededRuns(state, store)) {
    if (needed.artifacts) await store.placeArtifacts(needed.state.runId, folders.workspace);
  }
}
