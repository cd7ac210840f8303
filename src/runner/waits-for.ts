import type { RunState } from "../events/run-state.ts";
import type { Store } from "../store/store.ts";
import { membersOf } from "./groups.ts";
import { neededRuns } from "./needs.ts";

/** What a run that waits is waiting for, for those who ask. */
export type WaitsFor =
  | { readonly kind: "needs"; readonly stages: readonly string[] }
  /** `runs`: those of its group that run, or stand before it. */
  | { readonly kind: "concurrency"; readonly group: string; readonly runs: readonly string[] }
  | { readonly kind: "engine" }
  | { readonly kind: "slot" };

/** What the queue knows of the others. */
export interface Surroundings {
  readonly running: readonly RunState[];
  /** Those accepted before it that wait. */
  readonly before: readonly RunState[];
  readonly engineIsAway: boolean;
}

export async function waitsForOf(
  state: RunState,
  { running, before, engineIsAway }: Surroundings,
  store: Store,
): Promise<WaitsFor> {
  const stages = await unfinishedNeeds(state, store);
  if (stages.length > 0) return { kind: "needs", stages };
  const { concurrency } = state.plan;
  const active = membersOf(state, running);
  if (concurrency !== undefined && active.length >= concurrency.limit) {
    return { kind: "concurrency", group: concurrency.group, runs: idsOf(active) };
  }
  const earlier = concurrency === undefined ? [] : await readyOf(membersOf(state, before), store);
  if (concurrency !== undefined && earlier.length > 0) {
    return { kind: "concurrency", group: concurrency.group, runs: idsOf([...active, ...earlier]) };
  }
  return { kind: engineIsAway ? "engine" : "slot" };
}

async function unfinishedNeeds(state: RunState, store: Store): Promise<string[]> {
  const needed = await neededRuns(state, store);
  return needed.filter((need) => need.state.verdict === null).map((need) => need.state.plan.id);
}

async function readyOf(runs: readonly RunState[], store: Store): Promise<RunState[]> {
  const ready: RunState[] = [];
  for (const run of runs) if ((await unfinishedNeeds(run, store)).length === 0) ready.push(run);
  return ready;
}

function idsOf(runs: readonly RunState[]): string[] {
  return runs.map(({ runId }) => runId);
}
