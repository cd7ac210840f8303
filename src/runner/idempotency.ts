import type { RunState } from "../events/run-state.ts";
import type { Store } from "../store/store.ts";

/**
 * The runs that a trigger with this Idempotency-Key led to: one, or of a matrix one for each combination. Of those that had to be
 * withdrawn since the rest couldn't be stored, and were accepted again, the newer ones.
 */
export async function runsWithKey(key: string, store: Store): Promise<readonly RunState[]> {
  const runId = store.runWithIdempotencyKey(key);
  const newest = runId === undefined ? undefined : await store.load(runId);
  if (newest === undefined) return [];
  if (newest.request.combinations === undefined) return [newest];
  const ids = store.runs().flatMap((run) => (run.idempotencyKey === key ? [run.runId] : []));
  const states = await Promise.all(ids.map((id) => store.load(id)));
  const byStage = new Map<string, RunState>();
  for (const state of states) {
    if (state !== undefined && !byStage.has(state.plan.id)) byStage.set(state.plan.id, state);
  }
  return inOrderOfAcceptance([...byStage.values()]);
}

/** Ids grow with time. */
export function inOrderOfAcceptance(runs: readonly RunState[]): readonly RunState[] {
  return runs.toSorted((one, other) => (one.runId < other.runId ? -1 : 1));
}
