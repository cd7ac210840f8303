import type { RunRequest } from "../events/event.ts";
import { isTolerated, type RunState } from "../events/run-state.ts";
import type { Store } from "../store/store.ts";

/** `wait`: a need isn't final yet. `pass`: the run is passed over, `reason` says why. */
export type Readiness =
  | { readonly kind: "run" }
  | { readonly kind: "wait" }
  | { readonly kind: "pass"; readonly reason: string };

/** A run of a need, with the artifacts to be put in place or without. */
export interface NeededRun {
  readonly state: RunState;
  readonly artifacts: boolean;
}

/**
 * The newest run of each need in the same pipeline. The forge decides which stages are part of a pipeline: a need
 * that was never triggered in it holds up nothing.
 */
export async function neededRuns(state: RunState, store: Store): Promise<NeededRun[]> {
  const found: NeededRun[] = [];
  for (const need of state.plan.needs) {
    const needed = await newestRunOf(need.stage, state.request, store);
    if (needed !== undefined) found.push({ state: needed, artifacts: need.artifacts });
  }
  return found;
}

export async function readinessOf(state: RunState, store: Store): Promise<Readiness> {
  const { when, leftOut } = state.plan;
  if (leftOut !== undefined) return { kind: "pass", reason: leftOut };
  if (when === "never") return { kind: "pass", reason: "its when is never" };
  const needed = await neededRuns(state, store);
  if (needed.some((need) => need.state.verdict === null)) return { kind: "wait" };
  const broken = await firstBroken(needed, store);
  if (when === "on_success" && broken !== undefined) {
    return { kind: "pass", reason: `stage "${broken}", which it needs, didn't succeed` };
  }
  if (when === "on_failure" && broken === undefined) {
    return { kind: "pass", reason: "its when is on_failure, and nothing that it needs failed" };
  }
  return { kind: "run" };
}

/** `seen`: runs already looked at, since two manifests of a pipeline may need each other's stages. */
async function firstBroken(
  needed: readonly NeededRun[],
  store: Store,
  seen = new Set<string>(),
): Promise<string | undefined> {
  for (const { state } of needed) {
    if (!(await isGood(state, store, seen))) return state.plan.id;
  }
  return undefined;
}

/** A run that was passed over is as good as what it needed; one for which a success stands is one. */
async function isGood(state: RunState, store: Store, seen: Set<string>): Promise<boolean> {
  const { verdict, plan } = state;
  if (verdict === null) return false;
  if (verdict.status === "SUCCESS" || verdict.standsFor !== undefined) return true;
  if (isTolerated(verdict, plan)) return true;
  if (verdict.status !== "PASSED") return false;
  if (seen.has(state.runId)) return true;
  seen.add(state.runId);
  return (await firstBroken(await neededRuns(state, store), store, seen)) === undefined;
}

/** Pipeline ids are the forge's, and two repositories may have the same: only then all runs are looked through. */
async function newestRunOf(
  stageId: string,
  { pipelineId, orgId, repoId }: RunRequest,
  store: Store,
): Promise<RunState | undefined> {
  const newest = store.newestRunOf(stageId, pipelineId);
  const state = newest === undefined ? undefined : await store.load(newest);
  if (state === undefined) return undefined;
  if (state.request.orgId === orgId && state.request.repoId === repoId) return state;
  const runs = store.runs().filter((run) => run.stageId === stageId && run.pipelineId === pipelineId);
  const ours = runs.find((run) => run.orgId === orgId && run.repoId === repoId);
  return ours && store.load(ours.runId);
}
