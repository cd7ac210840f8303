import type { RunState } from "../events/run-state.ts";

/*
 * Concurrency groups: of the runs of a repository that name the same group only so many run at the same time, whichever
 * pipelines they are of.
 */

/** The runs of the group that the run is of, itself included or not, out of `runs`; none when it is of no group. */
export function membersOf(state: RunState, runs: Iterable<RunState>): RunState[] {
  const group = groupOf(state);
  return group === undefined ? [] : [...runs].filter((run) => groupOf(run) === group);
}

/**
 * One pass over what waits, in the order of acceptance. A member that has to wait holds up the later ones of its group, so
 * that none is passed by; one that waits for its needs isn't asked about, and so holds up nobody.
 */
export class Turns {
  readonly #heldUp = new Set<string>();

  /** `running`: what runs at this moment. */
  isDue(state: RunState, running: Iterable<RunState>): boolean {
    const group = groupOf(state);
    const { concurrency } = state.plan;
    if (group === undefined || concurrency === undefined) return true;
    if (!this.#heldUp.has(group) && membersOf(state, running).length < concurrency.limit) return true;
    this.#heldUp.add(group);
    return false;
  }

  /** It was due, but it isn't known yet whether it has to run. */
  holdUp(state: RunState): void {
    const group = groupOf(state);
    if (group !== undefined) this.#heldUp.add(group);
  }
}

/** The older runs of other pipelines that this one puts an end to. `runs`: those that aren't final. */
export function supersededBy(state: RunState, runs: Iterable<RunState>): RunState[] {
  if (state.plan.concurrency?.cancelInProgress !== true) return [];
  const { pipelineId } = state.request;
  return membersOf(state, runs).filter(
    // Ids grow with time.
    (run) =>
      run.runId < state.runId && run.request.pipelineId !== pipelineId && run.cancelRequestedBy === null,
  );
}

function groupOf({ request: { orgId, repoId }, plan: { concurrency } }: RunState): string | undefined {
  return concurrency === undefined ? undefined : JSON.stringify([orgId, repoId, concurrency.group]);
}
