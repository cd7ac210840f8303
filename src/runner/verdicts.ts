import { messageOf } from "../shared/errors.ts";
import type { Verdict } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import type { RunnerOptions } from "./context.ts";
import type { Found } from "./reuse/reuse-lookup.ts";

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

/** With what the earlier success left, as if it had run. Rejects when that is gone. */
export function standFor({ digest, standIn }: Found): EndOfRun {
  return async (state, options) => {
    const { runId, request, plan } = state;
    const { store } = options;
    const expiresAt = await store.runArtifacts.expireIn(runId, plan.artifacts?.expireSeconds);
    const artifacts = await store.standIns.serve(request, digest, { runId, expiresAt });
    const { runId: earlier, pipelineId, finishedAt, tests } = standIn;
    const concluded = await conclude(state, options, {
      status: "PASSED",
      cause: null,
      reason: `passed over: nothing has changed since run ${earlier} of pipeline ${pipelineId}, which succeeded at ${finishedAt}`,
      artifacts,
      standsFor: { runId: earlier, pipelineId, finishedAt },
      ...(tests === undefined ? {} : { tests }),
    });
    await store.standIns.used(request, digest, runId).catch((error: unknown) => {
      options.log.warn("an earlier success may be forgotten early", { run: runId, error: messageOf(error) });
    });
    return concluded;
  };
}

/** Its container is gone, and with it what it did. */
export async function giveUp(state: RunState, reason: string, options: RunnerOptions): Promise<RunState> {
  return conclude(state, options, { status: "FAILURE", cause: "engine", reason });
}

type Ending = Pick<Verdict, "status" | "cause" | "reason"> & Partial<Verdict>;

async function conclude(state: RunState, { store }: RunnerOptions, ending: Ending): Promise<RunState> {
  const log = await store.openLog(state.runId);
  for (const note of state.startedAt === null ? (state.plan.notes ?? []) : []) log.say(note);
  if (ending.status === "PASSED") log.say(ending.reason);
  return store.record(state.runId, {
    type: "finished",
    exitCode: null,
    steps: [],
    usage: {},
    artifacts: 0,
    ...ending,
    log: log.finish(),
  });
}
