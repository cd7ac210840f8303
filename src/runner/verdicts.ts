import type { Verdict } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import type { RunnerOptions } from "./context.ts";

/** Ends a run for good. */
export type EndOfRun = (state: RunState, options: RunnerOptions) => Promise<RunState>;

/** A run that is over without having had a slot. */
export async function withdraw(state: RunState, options: RunnerOptions): Promise<RunState> {
  return conclude(state, options, {
    status: "CANCELED",
    cause: "canceled",
    reason: "canceled before it started",
  });
}

export function passOver(reason: string): EndOfRun {
  return (state, options) =>
    conclude(state, options, { status: "PASSED", cause: null, reason: `passed over: ${reason}` });
}

/** Its container is gone, and with it what it did. */
export async function giveUp(state: RunState, reason: string, options: RunnerOptions): Promise<RunState> {
  return conclude(state, options, { status: "FAILURE", cause: "engine", reason });
}

type Ending = Pick<Verdict, "status" | "cause" | "reason">;

async function conclude(state: RunState, { store }: RunnerOptions, ending: Ending): Promise<RunState> {
  const log = await store.openLog(state.runId);
  for (const note of state.startedAt === null ? (state.plan.notes ?? []) : []) log.say(note);
  if (ending.status === "PASSED") log.say(ending.reason);
  return store.record(state.runId, {
    type: "finished",
    ...ending,
    exitCode: null,
    steps: [],
    usage: {},
    log: log.finish(),
    artifacts: 0,
  });
}
