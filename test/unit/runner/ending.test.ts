import { afterEach, expect, test } from "bun:test";
import { Bench, codeOf, eventually, latch, need, untilAborted } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

const endsItself = ["trap 'echo bye; exit 7' TERM", "echo up; while :; do sleep 0.01; done"];

test("a canceled run gets TERM and may end itself; its exit code is kept", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: endsItself });
  await bench.printed(runId, "up");
  expect(await bench.runner.cancel(runId, "ann")).toMatchObject({
    status: "RUNNING",
    cancelRequestedBy: "ann",
  });
  expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED", cause: "canceled", exitCode: 7 });
  // The script's own shell may say so of its sleep.
  const lines = (await bench.log(runId)).filter((line) => line !== "Terminated");
  expect(lines).toEqual(["up", "bye"]);
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("a canceled run that doesn't heed TERM is killed when its grace is over", async () => {
  bench = await Bench.open({ graceMs: 60 });
  const script = ["trap '' TERM; echo up; while :; do sleep 0.01; done"];
  const { runId } = await bench.submit({ id: "build", script });
  await bench.printed(runId, "up");
  await bench.runner.cancel(runId, "ann");
  expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED", cause: "canceled", exitCode: null });
});

test("a run that waits is canceled at once, without having started, and holds up nothing", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  const first = await bench.submit({ id: "a", script: [held.command] });
  const second = await bench.submit("b");
  const third = await bench.submit({ id: "c", when: "always", needs: [need("b")] });
  expect(await bench.runner.cancel(second.runId, "ann")).toMatchObject({
    status: "CANCELED",
    startedAt: null,
    cancelRequestedBy: "ann",
    verdict: { cause: "canceled", reason: "canceled before it started", exitCode: null },
  });
  held.release();
  await bench.runner.idle();
  expect((await bench.verdict(first.runId)).status).toBe("SUCCESS");
  expect((await bench.verdict(third.runId)).status).toBe("SUCCESS");
  expect(bench.engine.count("create")).toBe(2);
  expect((await bench.store.events(second.runId)).map(({ type }) => type)).toEqual([
    "accepted",
    "cancel_requested",
    "finished",
  ]);
});

test("what waited for a canceled run is passed over", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  await bench.submit({ id: "a", script: [held.command] });
  const second = await bench.submit("b");
  const third = await bench.submit({ id: "c", needs: [need("b")] });
  await bench.runner.cancel(second.runId, "ann");
  held.release();
  expect((await bench.verdict(third.runId)).status).toBe("PASSED");
});

test("a cancel ends a pull, and leaves nothing", async () => {
  bench = await Bench.open();
  const pulling = latch();
  bench.engine.before = async (verb, _of, signal) => {
    if (verb !== "pull") return;
    pulling.open();
    await untilAborted(signal);
  };
  const { runId } = await bench.submit("build");
  await pulling.opened;
  await bench.runner.cancel(runId, "ann");
  expect(await bench.verdict(runId)).toMatchObject({
    status: "CANCELED",
    cause: "canceled",
    reason: "canceled",
    exitCode: null,
  });
  await bench.runner.idle();
  expect(bench.engine.count("create")).toBe(0);
  expect(bench.leftovers()).toEqual([]);
  expect(bench.told).toEqual([]);
});

for (const verb of ["create", "start", "open"] as const) {
  test(`a cancel during the launch, at ${verb}, is a cancel, and leaves nothing`, async () => {
    bench = await Bench.open({ graceMs: 100 });
    const [there, go] = [latch(), latch()];
    bench.engine.before = async (called) => {
      if (called !== verb) return;
      there.open();
      await go.opened;
    };
    const { runId } = await bench.submit({ id: "build", script: ["while :; do sleep 0.01; done"] });
    await there.opened;
    await bench.runner.cancel(runId, "ann");
    go.open();
    expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED", cause: "canceled" });
    await bench.runner.idle();
    expect(bench.leftovers()).toEqual([]);
  });
}

test("two cancels are one, and after the end a cancel changes nothing", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: endsItself });
  await bench.printed(runId, "up");
  await Promise.all([bench.runner.cancel(runId, "ann"), bench.runner.cancel(runId, "bob")]);
  await bench.verdict(runId);
  const final = await bench.store.load(runId);
  expect(final?.cancelRequestedBy).toBe("ann");
  expect(bench.engine.count("stop")).toBe(1);
  expect(await bench.runner.cancel(runId, "bob")).toMatchObject({ ...final });
  const done = await bench.submit("other");
  await bench.verdict(done.runId);
  expect(await bench.runner.cancel(done.runId, "bob")).toMatchObject({
    status: "SUCCESS",
    cancelRequestedBy: null,
  });
});

test("two cancels of a waiting run at the same moment end it once", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  await bench.submit({ id: "a", script: [held.command] });
  const { runId } = await bench.submit("b");
  await Promise.all([bench.runner.cancel(runId, "ann"), bench.runner.cancel(runId, "bob")]);
  expect((await bench.verdict(runId)).status).toBe("CANCELED");
  const types = (await bench.store.events(runId)).map(({ type }) => type);
  expect(types.filter((type) => type === "finished")).toHaveLength(1);
  held.release();
});

test("a cancel at any moment after acceptance ends the run, once, and leaves nothing", async () => {
  bench = await Bench.open({ concurrency: 2, graceMs: 200 });
  const runs = await Promise.all(
    Array.from({ length: 12 }, async (_, at) => {
      const { runId } = await bench.submit({
        id: `s${String(at)}`,
        script: ["while :; do sleep 0.01; done"],
      });
      await Bench.turns(at * 7);
      await bench.runner.cancel(runId, "ann");
      return runId;
    }),
  );
  await bench.runner.idle();
  for (const runId of runs) {
    expect((await bench.verdict(runId)).status).toBe("CANCELED");
    const types = (await bench.store.events(runId)).map(({ type }) => type);
    expect(types.filter((type) => type === "finished")).toHaveLength(1);
  }
  expect(bench.leftovers()).toEqual([]);
});

test("an unknown run can't be canceled, whatever it is called", async () => {
  bench = await Bench.open();
  for (const runId of ["", "..", "../../etc", "\0", "__proto__", "x".repeat(100_000), Bun.randomUUIDv7()]) {
    expect(await codeOf(bench.runner.cancel(runId, "ann"))).toBe("not_found");
  }
});

test("a run is ended when its timeout is over, from its start, with the exit code that it chose", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: endsItself, timeoutSeconds: 0.1 });
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "timeout", exitCode: 7 });
  expect(verdict.reason).toContain("0.1 s");
  const state = await bench.store.load(runId);
  expect(Date.parse(state?.deadline ?? "") - Date.parse(state?.startedAt ?? "")).toBeWithin(80, 101);
});

test("an after_script that outlasts the timeout can't change the result", async () => {
  bench = await Bench.open({ graceMs: 5000 });
  const afterScript = ["echo tidying", "while :; do sleep 0.01; done"];
  const good = await bench.run({ id: "good", script: ["true"], afterScript, timeoutSeconds: 0.3 });
  expect(good).toMatchObject({ status: "SUCCESS", cause: null, exitCode: 0 });
  const bad = await bench.run({ id: "bad", script: ["exit 3"], afterScript, timeoutSeconds: 0.3 });
  expect(bad).toMatchObject({ status: "FAILURE", cause: "script", exitCode: 3 });
});

test("a timeout ends a pull as well", async () => {
  bench = await Bench.open();
  bench.engine.before = (verb, _of, signal) => (verb === "pull" ? untilAborted(signal) : undefined);
  expect(await bench.run({ id: "build", timeoutSeconds: 0.05 })).toMatchObject({
    status: "FAILURE",
    cause: "timeout",
    exitCode: null,
  });
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("the time in the queue isn't part of the timeout", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  await bench.submit({ id: "a", script: [held.command] });
  const { runId } = await bench.submit({ id: "b", timeoutSeconds: 60 });
  bench.clock.aheadMs = 3_600_000;
  held.release();
  const verdict = await bench.verdict(runId);
  expect(verdict.status).toBe("SUCCESS");
  expect(verdict.usage.queueSeconds).toBeGreaterThan(3599);
  expect(verdict.usage.runSeconds).toBeLessThan(60);
});

test("a stage is stopped as soon as the engine answers again, when it was away at the cancel", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: endsItself });
  await bench.printed(runId, "up");
  bench.engine.away = true;
  await bench.runner.cancel(runId, "ann");
  await eventually(() => bench.engine.count("stop") > 0, "it was told to stop");
  bench.engine.away = false;
  expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED", exitCode: 7 });
});
