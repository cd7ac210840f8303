import type { RunState } from "../events/run-state.ts";
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
    const runId = store.newestRunOf(need.stage, state.request.pipelineId);
    const needed = runId === undefined ? undefined : await store.load(runId);
    if (needed === undefined || !sameRepository(needed, state)) continue;
    found.push({ state: needed, artifacts: need.artifacts });
  }
  return found;
}

export async function readinessOf(state: RunState, store: Store): Promise<Readiness> {
  const { when } = state.plan;
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

async function firstBroken(needed: readonly NeededRun[], store: Store): Promise<string | undefined> {
  for (const { state } of needed) {
    if (!(await isGood(state, store))) return state.plan.id;
  }
  return undefined;
}

/** A run that was passed over is as good as what it needed. */
async function isGood(state: RunState, store: Store): Promise<boolean> {
  const status = state.verdict?.status;
  if (status === "SUCCESS") return true;
  if (status === "FAILURE") return state.plan.allowFailure;
  if (status !== "PASSED") return false;
  return (await firstBroken(await neededRuns(state, store), store)) === undefined;
}

function sameRepository(one: RunState, other: RunState): boolean {
  return one.request.orgId === other.request.orgId && one.request.repoId === other.request.repoId;
}
