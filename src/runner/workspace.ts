import type { RunState } from "../events/run-state.ts";
import { checkOut } from "../source/checkout.ts";
import type { Store } from "../store/store.ts";
import type { RunnerOptions } from "./context.ts";
import { neededRuns } from "./needs.ts";
import { overlapsOf } from "./overlaps.ts";

/** The folders of a run while it runs; all under its work folder, which is closed to others. */
export interface WorkFolders {
  readonly workspace: string;
  readonly room: string;
  /** For what is being put into the workspace; no stage can reach it. */
  readonly scratch: string;
}

export async function workFolders(runId: string, store: Store): Promise<WorkFolders> {
  const work = await store.workFolder(runId);
  return { workspace: `${work}/workspace`, room: `${work}/room`, scratch: `${work}/scratch` };
}

/**
 * Files of the source, and over them the artifacts of what the stage needs, in the order of its needs. Returns what the user may
 * want to know of it, a line each.
 */
export async function fillWorkspace(
  state: RunState,
  folders: WorkFolders,
  { store, settings }: RunnerOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await checkOut(
    {
      source: state.request.source,
      workspace: folders.workspace,
      depth: state.plan.gitDepth,
      submodules: state.plan.gitSubmodules,
      lfs: state.plan.gitLfs,
      roots: settings().repoRoots,
    },
    signal,
  );
  const needed = await neededRuns(state, store);
  for (const { state: need, artifacts } of needed) {
    if (artifacts) await store.placeArtifacts(need.runId, folders.workspace);
    signal.throwIfAborted();
  }
  return overlapsOf(needed, store);
}
