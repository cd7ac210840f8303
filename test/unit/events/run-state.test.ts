import { expect, test } from "bun:test";
import type { RecordedEvent, RunEvent, Verdict } from "../../../src/events/event.ts";
import { isRecordedEvent, isRunState } from "../../../src/events/recorded.ts";
import { isTolerated, reduceRun, type RunState } from "../../../src/events/run-state.ts";
import type { StagePlan } from "../../../src/plan/plan.ts";
import { finished, plan, requestOf, started } from "../store/samples.ts";

const runId = "0192f0c0-0000-7000-8000-000000000000";
const handle = { runId, engine: "docker", container: "c1", room: "/room", facts: { inode: 5 } };
const container: RunEvent = { type: "container", attempt: 1, handle, image: "sha256:a", pullSeconds: 1.5 };
const accepted: RunEvent = { type: "accepted", request: requestOf(), plan };

function recorded(event: RunEvent, seq: number): RecordedEvent {
  return { ...event, runId, seq, time: `2026-01-01T00:00:0${seq}.000Z` };
}

function fold(...events: readonly RunEvent[]): RunState {
  let state: RunState | undefined;
  for (const [index, event] of events.entries()) state = reduceRun(state, recorded(event, index + 1));
  if (state === undefined) throw new Error("no events");
  return state;
}

test("an accepted run is PENDING and knows its request and plan", () => {
  expect(fold(accepted)).toMatchObject({
    status: "PENDING",
    createdAt: "2026-01-01T00:00:01.000Z",
    startedAt: null,
    request: requestOf(),
    plan,
    attempts: 0,
    lastSeq: 1,
  });
});

test("a run goes on to RUNNING with its container and ends with its verdict", () => {
  const state = fold(accepted, started, container, finished);
  const { type: _, ...verdict } = finished;
  expect(state).toMatchObject({
    status: "SUCCESS",
    handle,
    image: "sha256:a",
    pullSeconds: 1.5,
    lastSeq: 4,
    verdict,
  });
  expect(state.finishedAt).toBe("2026-01-01T00:00:04.000Z");
});

test("a second attempt has no container yet and keeps the time of the first start", () => {
  const again: RunEvent = { type: "started", attempt: 2, deadline: "2031-01-01T00:00:00.000Z" };
  const state = fold(accepted, started, container, again);
  expect(state).toMatchObject({ handle: null, attempts: 2, deadline: "2031-01-01T00:00:00.000Z" });
  expect(state.startedAt).toBe("2026-01-01T00:00:02.000Z");
});

const failedTry = {
  attempt: 1,
  exitCode: 3,
  cause: "script",
  reason: "command 1 ended with exit code 3",
  steps: [],
  usage: { runSeconds: 1 },
  lines: 7,
  finishedAt: "2026-01-01T00:00:04.000Z",
} as const;

test("a failed try is kept, and the run goes on without a container", () => {
  const event: RunEvent = { type: "try_failed", ...failedTry };
  const state = fold(accepted, started, container, event);
  expect(state).toMatchObject({ status: "RUNNING", handle: null, tries: [failedTry] });
  expect(isRecordedEvent(recorded(event, 4))).toBe(true);
  expect(isRecordedEvent(recorded({ ...event, lines: -1 }, 4))).toBe(false);
  expect(isRunState(JSON.parse(JSON.stringify(state)))).toBe(true);
  expect(isRunState({ ...state, tries: [{ ...failedTry, steps: "none" }] })).toBe(false);
});

test("a failure is tolerated by its script's exit code, not by that of what was ended", () => {
  const tolerated = (changes: Partial<Verdict>, allowFailure: StagePlan["allowFailure"]): boolean => {
    const { type: _, ...verdict } = finished;
    const failed = { ...verdict, status: "FAILURE", cause: "script", exitCode: 3, ...changes } as const;
    return isTolerated(failed, { ...plan, allowFailure });
  };
  expect(tolerated({}, false)).toBe(false);
  expect(tolerated({}, true)).toBe(true);
  expect(tolerated({ cause: "image", exitCode: null }, true)).toBe(true);
  expect(tolerated({}, [3, 4])).toBe(true);
  expect(tolerated({}, [4])).toBe(false);
  expect(tolerated({ cause: "oom", exitCode: 137 }, [137])).toBe(true);
  expect(tolerated({ cause: "timeout", exitCode: 143 }, [143])).toBe(false);
  expect(tolerated({ cause: "artifacts", exitCode: 0 }, [0])).toBe(false);
  expect(tolerated({ status: "CANCELED", cause: "canceled" }, true)).toBe(false);
});

test("who asked first for a cancel is remembered", () => {
  const by = (name: string): RunEvent => ({ type: "cancel_requested", by: name });
  expect(fold(accepted, by("api"), by("signal")).cancelRequestedBy).toBe("api");
});

test("a final status never changes", () => {
  const final = fold(accepted, finished);
  for (const event of [started, container, accepted, { ...finished, status: "FAILURE" } as const]) {
    expect(reduceRun(final, recorded(event, 3))).toEqual(final);
  }
});

test("a run can't begin with anything but its acceptance", () => {
  expect(() => fold(started)).toThrow("can't begin");
});

test("every event and state survives JSON and is recognised", () => {
  for (const event of [
    accepted,
    started,
    container,
    finished,
    { type: "cancel_requested", by: "x" } as const,
  ]) {
    expect(isRecordedEvent(JSON.parse(JSON.stringify(recorded(event, 1))))).toBe(true);
  }
  expect(isRunState(JSON.parse(JSON.stringify(fold(accepted, started, container, finished))))).toBe(true);
});

test("an event with a key of the wrong type, or without one, is none", () => {
  const whole = recorded(container, 1);
  for (const key of Object.keys(whole)) {
    expect(isRecordedEvent({ ...whole, [key]: { nonsense: true } })).toBe(false);
    expect(isRecordedEvent({ ...whole, [key]: undefined })).toBe(false);
  }
  for (const value of [null, 1, "x", [], {}, { type: "unheard of" }])
    expect(isRecordedEvent(value)).toBe(false);
});

test("keys that a newer version added are let through", () => {
  expect(isRecordedEvent({ ...recorded(accepted, 1), later: 1, plan: { ...plan, services: [] } })).toBe(true);
});
