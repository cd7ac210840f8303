import { afterEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { RunnerError } from "../../../src/shared/errors.ts";
import { Bench, codeOf, eventually, latch, need, untilAborted, type Verb } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

/** Submits a run and stops the runner while `verb` is being asked of the engine; the next one isn't started yet. */
async function leaveDuring(verb: Verb, stage: Parameters<Bench["submit"]>[0]): Promise<string> {
  const there = latch();
  bench.engine.before = async (called, _of, signal) => {
    if (called !== verb) return;
    there.open();
    await untilAborted(signal);
  };
  const { runId } = await bench.submit(stage);
  await there.opened;
  await bench.leave();
  bench.engine.before = () => {};
  return runId;
}

async function typesOf(runId: string): Promise<readonly string[]> {
  return (await bench.store.events(runId)).map(({ type }) => type);
}

test("stop leaves what runs, and the next process takes it over: run once, no line lost or doubled", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const script = ["echo one; echo two", held.command, "echo three", "exit 4"];
  const artifacts = { paths: ["README"], exclude: [], when: "always" } as const;
  const { runId } = await bench.submit({ id: "build", script, artifacts });
  await bench.printed(runId, "two");
  await bench.leave();
  expect((await bench.store.load(runId))?.status).toBe("RUNNING");
  expect(bench.engine.stages.size).toBe(1);
  await bench.runner.start();
  held.release();
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "script", exitCode: 4, artifacts: 1 });
  expect(verdict.steps.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 4]);
  expect((await bench.log(runId)).slice(0, -1)).toEqual(["one", "two", "three"]);
  expect(await typesOf(runId)).toEqual(["accepted", "started", "container", "finished"]);
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("a run survives many restarts while it writes, whole", async () => {
  bench = await Bench.open();
  const script = ["i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; sleep 0.002; done"];
  const { runId } = await bench.submit({ id: "build", script });
  await bench.printed(runId, "line 1");
  for (let round = 0; round < 5; round++) await bench.restart();
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
  expect(await bench.log(runId)).toEqual(Array.from({ length: 60 }, (_, at) => `line ${String(at + 1)}`));
});

test("a run that ended while nobody watched gets its verdict and its last lines at the next start", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const { runId } = await bench.submit({ id: "build", script: ["echo up", held.command, "echo last"] });
  await bench.printed(runId, "up");
  await bench.leave();
  held.release();
  await eventually(() => bench.engine.stages.get(runId)?.ended === true || ended(runId), "it ended");
  await bench.runner.start();
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS", exitCode: 0 });
  expect(await bench.log(runId)).toEqual(["up", "last"]);
});

/** The stage's first process may wait for its runner once the commands have ended. */
function ended(runId: string): boolean {
  const room = bench.engine.stages.get(runId)?.spec.room ?? "";
  const log = Bun.spawnSync(["cat", `${room}/log`]).stdout.toString();
  return log.includes("last\n");
}

for (const verb of ["pull", "create", "start"] as const) {
  test(`a run whose process left it at ${verb} is begun anew, with the deadline that it had`, async () => {
    bench = await Bench.open();
    const runId = await leaveDuring(verb, { id: "build", script: ["echo once"], timeoutSeconds: 60 });
    const before = await bench.store.load(runId);
    expect(before).toMatchObject({ status: "RUNNING", attempts: 1, handle: null });
    await bench.runner.start();
    expect((await bench.verdict(runId)).status).toBe("SUCCESS");
    expect(await bench.log(runId)).toEqual(["once"]);
    const after = await bench.store.load(runId);
    expect(after).toMatchObject({ attempts: 2, deadline: before?.deadline, startedAt: before?.startedAt });
    await bench.runner.idle();
    expect(bench.leftovers()).toEqual([]);
  });
}

/** A run whose container is on record and started, but whose gate was never opened. */
async function atItsGate(): Promise<string> {
  bench = await Bench.open();
  const record = bench.store.record.bind(bench.store);
  const { runner, store } = bench;
  let leaving: Promise<void> | undefined;
  const recorded = latch();
  store.record = async (runId, event) => {
    const state = await record(runId, event);
    if (event.type === "container") {
      leaving = runner.stop();
      recorded.open();
      await Bench.turns(5);
    }
    return state;
  };
  const { runId } = await bench.submit({ id: "build", script: ["echo once"] });
  await recorded.opened;
  await leaving;
  await bench.leave();
  expect((await bench.store.load(runId))?.handle).not.toBeNull();
  expect(bench.engine.count("open")).toBe(0);
  return runId;
}

test("a run that waits at its gate is begun anew", async () => {
  const runId = await atItsGate();
  await bench.runner.start();
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
  expect(await bench.log(runId)).toEqual(["once"]);
  expect(bench.engine.count("open")).toBe(1);
});

test("a run that was being begun anew when the next process left as well isn't given up", async () => {
  const runId = await atItsGate();
  const pulling = latch();
  bench.engine.before = async (verb, _of, signal) => {
    if (verb !== "pull") return;
    pulling.open();
    await untilAborted(signal);
  };
  await bench.runner.start();
  await pulling.opened;
  await bench.leave();
  bench.engine.before = () => {};
  expect(await bench.store.load(runId)).toMatchObject({ attempts: 2, handle: null });
  await bench.runner.start();
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
  expect((await bench.store.load(runId))?.attempts).toBe(3);
});

test("a run whose stage is gone fails, cause engine, and isn't run a second time", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: ["echo up; while :; do sleep 0.01; done"] });
  await bench.printed(runId, "up");
  const waiting = await bench.submit({ id: "after", needs: [need("build")] });
  await bench.leave();
  await bench.engine.remove(runId);
  await bench.runner.start();
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "engine", exitCode: null, log: { lines: 1 } });
  expect(verdict.reason).toContain("gone");
  expect((await bench.verdict(waiting.runId)).status).toBe("PASSED");
  expect(bench.engine.count("create")).toBe(1);
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("a deadline counts from the first start, also when it passed while nobody watched", async () => {
  bench = await Bench.open({ graceMs: 200 });
  const script = ["trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done"];
  const { runId } = await bench.submit({ id: "build", script, timeoutSeconds: 600 });
  await bench.printed(runId, "up");
  const deadline = (await bench.store.load(runId))?.deadline;
  await bench.leave();
  bench.clock.aheadMs = 601_000;
  await bench.runner.start();
  expect(await bench.verdict(runId)).toMatchObject({ status: "FAILURE", cause: "timeout", exitCode: 9 });
  expect((await bench.store.load(runId))?.deadline).toBe(deadline ?? "none");
});

test("a cancel on record from before a crash still holds, for a run that runs and for one that waits", async () => {
  bench = await Bench.open({ concurrency: 1, graceMs: 200 });
  const { runId } = await bench.submit({ id: "a", script: ["echo up; while :; do sleep 0.01; done"] });
  await bench.printed(runId, "up");
  const waits = await bench.submit({ id: "b", needs: [need("a")] });
  await bench.leave();
  for (const id of [runId, waits.runId]) {
    await bench.store.record(id, { type: "cancel_requested", by: "ann" });
  }
  await bench.runner.start();
  expect(await bench.verdict(waits.runId)).toMatchObject({
    status: "CANCELED",
    reason: "canceled before it started",
  });
  expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED", cause: "canceled" });
  expect((await bench.store.load(waits.runId))?.startedAt).toBeNull();
});

test("a cancel that comes while the run is still being recovered isn't lost", async () => {
  bench = await Bench.open({ graceMs: 200 });
  const { runId } = await bench.submit({ id: "a", script: ["echo up; while :; do sleep 0.01; done"] });
  await bench.printed(runId, "up");
  await bench.leave();
  const go = latch();
  bench.engine.before = (verb) => (verb === "inspect" ? go.opened : undefined);
  await bench.runner.start();
  await bench.runner.cancel(runId, "ann");
  go.open();
  expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED" });
});

test("what waits keeps its order over a restart, and runs that are being recovered hold their slots", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  const first = await bench.submit({ id: "first", script: ["echo up", held.command] });
  await bench.printed(first.runId, "up");
  for (const id of ["c", "a", "b"]) await bench.submit(id);
  await bench.leave();
  const go = latch();
  bench.engine.before = (verb) => (verb === "inspect" ? go.opened : undefined);
  const order: string[] = [];
  bench.store.onChange((state) => {
    if (state.status === "RUNNING" && state.handle === null) order.push(state.request.stageId);
  });
  await bench.runner.start();
  await Bench.turns(20);
  expect(bench.runner.counts).toEqual({ waiting: 3, running: 1 });
  expect(order).toEqual([]);
  let idle = false;
  const resting = bench.runner.idle().then(() => (idle = true));
  go.open();
  await Bench.turns(5);
  expect(idle).toBe(false);
  held.release();
  await resting;
  expect(order).toEqual(["c", "a", "b"]);
});

test("idle waits for a run that is still being recovered", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const { runId } = await bench.submit({ id: "a", script: ["echo up", held.command] });
  await bench.printed(runId, "up");
  await bench.leave();
  bench.engine.away = true;
  await bench.runner.start();
  let idle = false;
  const resting = bench.runner.idle().then(() => (idle = true));
  await eventually(() => bench.engine.count("inspect") > 1, "it was asked again");
  expect(idle).toBe(false);
  bench.engine.away = false;
  held.release();
  await resting;
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
});

test("a runner that stops while the engine is away takes up nothing when it comes back", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const { runId } = await bench.submit({ id: "a", script: ["echo up", held.command] });
  await bench.printed(runId, "up");
  await bench.leave();
  bench.engine.away = true;
  await bench.runner.start();
  await bench.leave();
  bench.engine.away = false;
  const asked = bench.engine.count("inspect");
  await Bun.sleep(30);
  expect(bench.engine.count("inspect")).toBe(asked);
  await bench.runner.start();
  held.release();
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
});

test("a run that can't be recovered, for a reason that won't pass, fails and holds up nothing", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const { runId } = await bench.submit({ id: "a", script: ["echo up; while :; do sleep 0.01; done"] });
  await bench.printed(runId, "up");
  await bench.leave();
  bench.engine.before = (verb) => {
    if (verb === "inspect") throw new RunnerError("engine_failed", "no such thing");
  };
  await bench.runner.start();
  expect(await bench.verdict(runId)).toMatchObject({
    status: "FAILURE",
    cause: "engine",
    reason: "no such thing",
  });
  await bench.runner.idle();
  expect((await bench.run("b")).status).toBe("SUCCESS");
});

test("while the engine is away runs wait, and go on by themselves when it's back", async () => {
  bench = await Bench.open();
  bench.engine.away = true;
  const { runId } = await bench.submit("a");
  await eventually(() => bench.engine.count("ping") > 3, "it was asked again");
  expect((await bench.store.load(runId))?.status).toBe("PENDING");
  expect(bench.told.filter((line) => line.includes("wait for the engine"))).toHaveLength(1);
  bench.engine.away = false;
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
});

test("a runner starts while the engine is away", async () => {
  bench = await Bench.prepare();
  bench.engine.away = true;
  await bench.runner.start();
  const { runId } = await bench.submit("a");
  bench.engine.away = false;
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
});

test("the sweep at the start removes what belongs to no live run, and nothing else", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const [live, stale] = [
    await bench.submit({ id: "a", script: ["echo up", held.command] }),
    await bench.submit({ id: "b", script: ["echo up", held.command] }),
  ];
  for (const { runId } of [live, stale]) await bench.printed(runId, "up");
  await bench.leave();
  const log = { lines: 0, bytes: 0, sha256: "" };
  const verdict = { exitCode: 1, cause: null, reason: "", steps: [], usage: {}, log, artifacts: 0 };
  await bench.store.record(stale.runId, { type: "finished", status: "FAILURE", ...verdict });
  await bench.runner.start();
  expect([...bench.engine.stages.keys()]).toEqual([live.runId]);
  held.release();
  expect((await bench.verdict(live.runId)).status).toBe("SUCCESS");
});

test("a runner that refuses lets what runs end, and leaves what waits to the next process", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  const first = await bench.submit({ id: "a", script: ["echo up", held.command] });
  await bench.printed(first.runId, "up");
  const second = await bench.submit("b");
  bench.runner.refuse();
  expect(await codeOf(bench.submit("c"))).toBe("shutting_down");
  held.release();
  await bench.runner.idle();
  expect((await bench.store.load(first.runId))?.status).toBe("SUCCESS");
  expect((await bench.store.load(second.runId))?.status).toBe("PENDING");
  await bench.restart();
  expect((await bench.verdict(second.runId)).status).toBe("SUCCESS");
});

test("a source that is gone by the time a run is begun anew fails it, and leaves nothing", async () => {
  bench = await Bench.open();
  const artifacts = { paths: ["README"], exclude: [], when: "always" } as const;
  const runId = await leaveDuring("start", { id: "build", artifacts });
  rmSync(bench.source, { recursive: true });
  await bench.runner.start();
  expect(await bench.verdict(runId)).toMatchObject({ status: "FAILURE", cause: "checkout", artifacts: 0 });
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("a work folder that a crash left of a run that is over is gone after the next start", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit("a");
  await bench.verdict(runId);
  await bench.runner.idle();
  await bench.store.workFolder(runId);
  await bench.leave();
  await bench.runner.start();
  expect(await bench.store.runsWithWork()).toEqual([]);
});
