import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { FinalStatus } from "../../../src/events/event.ts";
import type { RunState } from "../../../src/events/run-state.ts";
import type { When } from "../../../src/plan/plan.ts";
import { neededRuns, readinessOf } from "../../../src/runner/needs.ts";
import { Bench, need, planOf, type Stage } from "./bench.ts";

let bench: Bench;
let pipelineId = "";
let count = 0;
beforeAll(async () => {
  bench = await Bench.prepare();
});
beforeEach(() => {
  pipelineId = `p${String(++count)}`;
});
afterAll(() => bench.close());

/** A run on record, with a verdict or without one; nothing of it runs. */
async function record(stage: Stage, status?: FinalStatus): Promise<RunState> {
  const runId = Bun.randomUUIDv7();
  const state = await bench.store.accept(runId, bench.request(stage.id, { pipelineId }), planOf(stage));
  if (status === undefined) return state;
  const log = { lines: 0, bytes: 0, sha256: "" };
  const verdict = {
    status,
    exitCode: null,
    cause: null,
    reason: "",
    steps: [],
    usage: {},
    log,
    artifacts: 0,
  };
  return bench.store.record(runId, { type: "finished", ...verdict });
}

async function kindFor(when: When, ...needs: readonly string[]): Promise<string> {
  const state = await record({ id: "me", when, needs: needs.map((id) => need(id)) });
  return (await readinessOf(state, bench.store)).kind;
}

const whens = ["on_success", "on_failure", "always", "never"] as const;
async function kinds(...needs: readonly string[]): Promise<string> {
  const all: string[] = [];
  for (const when of whens) all.push(await kindFor(when, ...needs));
  return all.join(" ");
}

test("without needs a stage runs, unless it waits for a failure or never runs", async () => {
  expect(await kinds()).toBe("run pass run pass");
  expect(await kinds("never-triggered")).toBe("run pass run pass");
});

test("when decides by how the needs ended", async () => {
  await record({ id: "good" }, "SUCCESS");
  await record({ id: "failed" }, "FAILURE");
  await record({ id: "allowed", allowFailure: true }, "FAILURE");
  await record({ id: "canceled" }, "CANCELED");
  await record({ id: "allowed-canceled", allowFailure: true }, "CANCELED");
  expect(await kinds("good")).toBe("run pass run pass");
  expect(await kinds("failed")).toBe("pass run run pass");
  expect(await kinds("good", "failed")).toBe("pass run run pass");
  expect(await kinds("allowed", "good")).toBe("run pass run pass");
  expect(await kinds("canceled")).toBe("pass run run pass");
  expect(await kinds("allowed-canceled")).toBe("pass run run pass");
});

test("a need that isn't over holds up every stage but one that never runs", async () => {
  await record({ id: "open" });
  await record({ id: "failed" }, "FAILURE");
  expect(await kinds("open")).toBe("wait wait wait pass");
  expect(await kinds("failed", "open")).toBe("wait wait wait pass");
});

test("a need that was passed over is as good as what it needed, however far down", async () => {
  await record({ id: "good" }, "SUCCESS");
  await record({ id: "failed" }, "FAILURE");
  await record({ id: "manual", when: "never" }, "PASSED");
  await record({ id: "rescue", when: "on_failure", needs: [need("good")] }, "PASSED");
  await record({ id: "test", needs: [need("failed")] }, "PASSED");
  await record({ id: "deploy", needs: [need("test"), need("good")] }, "PASSED");
  expect(await kinds("manual")).toBe("run pass run pass");
  expect(await kinds("rescue")).toBe("run pass run pass");
  expect(await kinds("test")).toBe("pass run run pass");
  expect(await kinds("deploy")).toBe("pass run run pass");
});

test("the reason names the need that didn't succeed", async () => {
  await record({ id: "lint" }, "FAILURE");
  const state = await record({ id: "me", needs: [need("lint")] });
  expect(await readinessOf(state, bench.store)).toEqual({
    kind: "pass",
    reason: 'stage "lint", which it needs, didn\'t succeed',
  });
});

test("the newest run of a need counts", async () => {
  await record({ id: "build" }, "FAILURE");
  await record({ id: "build" }, "SUCCESS");
  expect(await kindFor("on_success", "build")).toBe("run");
  await record({ id: "build" });
  expect(await kindFor("on_success", "build")).toBe("wait");
});

test("needs come in the stage's own order, with what is to be done with their artifacts", async () => {
  const one = await record({ id: "one" }, "SUCCESS");
  const two = await record({ id: "two" }, "SUCCESS");
  const state = await record({ id: "me", needs: [need("two", false), need("gone"), need("one")] });
  const found = await neededRuns(state, bench.store);
  expect(found.map((needed) => [needed.state.runId, needed.artifacts])).toEqual([
    [two.runId, false],
    [one.runId, true],
  ]);
});

test("stages of two manifests that need each other, both passed over, are decided all the same", async () => {
  await record({ id: "a", needs: [need("b")] }, "PASSED");
  await record({ id: "b", needs: [need("a")] }, "PASSED");
  expect(await kinds("a")).toBe("run pass run pass");
});

test("names that mean something to JavaScript are names like any other", async () => {
  await record({ id: "__proto__" }, "FAILURE");
  expect(await kinds("constructor", "toString")).toBe("run pass run pass");
  expect(await kinds("__proto__")).toBe("pass run run pass");
});
