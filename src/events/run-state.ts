import type { StageHandle } from "../engine/engine.ts";
import type { StagePlan } from "../plan/plan.ts";
import { unreachable } from "../shared/errors.ts";
import type { FailedTry, FinalStatus, RecordedEvent, RunRequest, Status, Verdict } from "./event.ts";

/** What a run is now: the fold of its events. Times are RFC 3339. Plain JSON, kept as run.json. */
export interface RunState {
  readonly runId: string;
  readonly request: RunRequest;
  readonly plan: StagePlan;
  readonly status: Status;
  readonly createdAt: string;
  /** Of the first attempt. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Of the newest attempt. */
  readonly deadline: string | null;
  /** How many have begun. */
  readonly attempts: number;
  /** The newest attempt's container; null before it has one. */
  readonly handle: StageHandle | null;
  /** The image's id at the engine. */
  readonly image: string | null;
  readonly pullSeconds: number | null;
  /** Who asked first. */
  readonly cancelRequestedBy: string | null;
  /** Those that failed and were followed by another; absent when there was none. */
  readonly tries?: readonly FailedTry[];
  readonly verdict: Verdict | null;
  /** Of the last event that counted. */
  readonly lastSeq: number;
}

export function isFinal(status: Status): status is FinalStatus {
  return status !== "PENDING" && status !== "RUNNING";
}

/** A failure that its stage allows counts as none: what needs the stage goes on. */
export function isTolerated({ status, cause, exitCode }: Verdict, { allowFailure }: StagePlan): boolean {
  if (status !== "FAILURE") return false;
  if (typeof allowFailure === "boolean") return allowFailure;
  return endedByScript({ cause, exitCode }, allowFailure);
}

/** The script's own exit code is one of `codes`. What the runner ended, or what failed around the script, has none. */
export function endedByScript(
  { cause, exitCode }: Pick<Verdict, "cause" | "exitCode">,
  codes: readonly number[],
): boolean {
  return (cause === "script" || cause === "oom") && exitCode !== null && codes.includes(exitCode);
}

/**
 * The state after `event`. Pure. A final state never changes: later events are ignored.
 * Throws when the first event isn't `accepted`, since nothing can be known of such a run.
 */
export function reduceRun(state: RunState | undefined, event: RecordedEvent): RunState {
  if (state === undefined) return acceptedState(event);
  if (isFinal(state.status)) return state;
  return { ...state, ...changesOf(state, event), lastSeq: event.seq };
}

function acceptedState(event: RecordedEvent): RunState {
  if (event.type !== "accepted") throw new Error(`a run can't begin with the event "${event.type}"`);
  return {
    runId: event.runId,
    request: event.request,
    plan: event.plan,
    status: "PENDING",
    createdAt: event.time,
    startedAt: null,
    finishedAt: null,
    deadline: null,
    attempts: 0,
    handle: null,
    image: null,
    pullSeconds: null,
    cancelRequestedBy: null,
    verdict: null,
    lastSeq: event.seq,
  };
}

function changesOf(state: RunState, event: RecordedEvent): Partial<RunState> {
  switch (event.type) {
    case "accepted":
      return {};
    case "started":
      return {
        status: "RUNNING",
        startedAt: state.startedAt ?? event.time,
        deadline: event.deadline,
        attempts: event.attempt,
        handle: event.attempt === state.attempts ? state.handle : null,
      };
    case "container":
      return { handle: event.handle, image: event.image, pullSeconds: event.pullSeconds };
    case "cancel_requested":
      return { cancelRequestedBy: state.cancelRequestedBy ?? event.by };
    case "try_failed":
      return { handle: null, tries: withFailedTry(state, event) };
    case "finished":
      return { status: event.status, finishedAt: event.time, verdict: verdictOf(event) };
    default:
      return unreachable(event);
  }
}

function withFailedTry(
  { tries = [] }: RunState,
  event: RecordedEvent & { readonly type: "try_failed" },
): readonly FailedTry[] {
  const { attempt, exitCode, cause, reason, steps, usage, lines, finishedAt } = event;
  return [...tries, { attempt, exitCode, cause, reason, steps, usage, lines, finishedAt }];
}

function verdictOf(event: RecordedEvent & { readonly type: "finished" }): Verdict {
  const { status, exitCode, cause, reason, steps, usage, log, artifacts, tests, standsFor } = event;
  const verdict = { status, exitCode, cause, reason, steps, usage, log, artifacts };
  return {
    ...verdict,
    ...(tests === undefined ? {} : { tests }),
    ...(standsFor === undefined ? {} : { standsFor }),
  };
}
