import { expect, test } from "bun:test";
import { followRun, type Watched } from "../../../../src/cli/exec/follow.ts";
import { OutputClosed } from "../../../../src/cli/output.ts";
import type { RecordedEvent, RunEvent } from "../../../../src/events/event.ts";
import type { RunState } from "../../../../src/events/run-state.ts";
import { failure, lines, recorded, stage, verdict } from "./samples.ts";
import { refusalOf, rejectionOf } from "../rejection.ts";

const plan = stage("test");
const started: RunEvent = { type: "started", attempt: 1, deadline: "" };
const never = new AbortController().signal;

/** A store in which the test makes things happen. */
function fakeStore() {
  const listeners = new Set<(state: RunState) => void>();
  const events: RecordedEvent[] = [];
  const chunks: Uint8Array[] = [];
  let ended = false;
  let wake = Promise.withResolvers<void>();
  const store: Watched = {
    events: async () => [...events],
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async *readLog() {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) yield chunk;
        else if (ended) return;
        else await wake.promise;
      }
    },
  };
  const state = (): RunState => ({
    runId: "run",
    plan,
    request: {
      pipelineId: "p",
      orgId: "o",
      repoId: "r",
      stageId: "test",
      source: { kind: "tree", folder: "/" },
      variables: {},
    },
    status: "RUNNING",
    createdAt: "",
    startedAt: null,
    finishedAt: null,
    deadline: null,
    attempts: 1,
    handle: null,
    image: null,
    pullSeconds: null,
    cancelRequestedBy: null,
    verdict: events.some(({ type }) => type === "finished") ? verdict() : null,
    lastSeq: events.length,
  });
  const tell = () => {
    for (const listener of listeners) listener(state());
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  return {
    store,
    listeners,
    record(event: RunEvent) {
      const [next] = recorded("run", event);
      if (next !== undefined) events.push({ ...next, seq: events.length + 1 });
      tell();
    },
    write(...texts: string[]) {
      chunks.push(
        Buffer.from(
          lines(...texts)
            .map((line) => `${JSON.stringify(line)}\n`)
            .join(""),
        ),
      );
      tell();
    },
    endLog() {
      ended = true;
      tell();
    },
  };
}

function recordingView(fail?: Error) {
  const seen: string[] = [];
  return {
    seen,
    view: {
      async event(_: string, { type }: RecordedEvent) {
        seen.push(type);
      },
      async log(_: string, batch: readonly { text: string }[]) {
        if (fail !== undefined) throw fail;
        seen.push(...batch.map(({ text }) => text));
      },
      async end() {},
    },
  };
}

test("the start is shown before the first line and the end after the last", async () => {
  const fake = fakeStore();
  const { view, seen } = recordingView();
  const following = followRun(fake.store, { runId: "run", plan }, view, never);
  fake.record(started);
  fake.write("one", "two");
  fake.record({ type: "finished", ...failure() });
  fake.write("three");
  fake.endLog();
  expect(await following).toEqual({
    plan,
    verdict: expect.objectContaining(failure()),
    lastLines: ["one", "two", "three"],
  });
  expect(seen).toEqual(["started", "one", "two", "three", "finished"]);
  expect(fake.listeners.size).toBe(0);
});

test("a log that ends before the verdict is there is waited for", async () => {
  const fake = fakeStore();
  const { view, seen } = recordingView();
  const following = followRun(fake.store, { runId: "run", plan }, view, never);
  fake.record(started);
  fake.endLog();
  await Bun.sleep(0);
  expect(seen).not.toContain("finished");
  fake.record({ type: "cancel_requested", by: "the user" });
  fake.record({ type: "finished", ...verdict() });
  await following;
  expect(seen).toEqual(["started", "cancel_requested", "finished"]);
});

test("a run that was final before is shown all the same, each event once", async () => {
  const fake = fakeStore();
  const { view, seen } = recordingView();
  fake.record(started);
  fake.record({ type: "finished", ...verdict() });
  fake.endLog();
  await followRun(fake.store, { runId: "run", plan }, view, never);
  expect(seen).toEqual(["started", "finished"]);
});

test("a view whose reader has left ends the following", async () => {
  const fake = fakeStore();
  const { view } = recordingView(new OutputClosed("gone"));
  const following = followRun(fake.store, { runId: "run", plan }, view, never);
  fake.record(started);
  fake.write("x");
  expect(await rejectionOf(following)).toBeInstanceOf(OutputClosed);
  expect(fake.listeners.size).toBe(0);
});

test("an abort ends the waiting for a verdict", async () => {
  const fake = fakeStore();
  const controller = new AbortController();
  const following = followRun(fake.store, { runId: "run", plan }, recordingView().view, controller.signal);
  fake.endLog();
  await Bun.sleep(0);
  controller.abort(new Error("enough"));
  expect(await refusalOf(following)).toContain("enough");
});
