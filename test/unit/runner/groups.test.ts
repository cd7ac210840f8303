import { afterEach, expect, test } from "bun:test";
import type { ConcurrencyPlan } from "../../../src/plan/plan.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import { Bench, eventually, latch, need, planOf, type Stage } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

function inGroup(id: string, more: Partial<ConcurrencyPlan> = {}, rest: Partial<Stage> = {}): Stage {
  return { id, concurrency: { group: "production", limit: 1, cancelInProgress: false, ...more }, ...rest };
}

async function statusOf(runId: string): Promise<string | undefined> {
  return (await bench.store.load(runId))?.status;
}

async function running(runId: string): Promise<void> {
  await bench.until(runId, ({ status }) => status === "RUNNING");
}

test("of a group so many run as its limit says, in the order of acceptance, whatever their pipelines", async () => {
  bench = await Bench.open({ concurrency: 8 });
  const holds = Array.from({ length: 4 }, () => bench.hold());
  const order: string[] = [];
  bench.store.onChange(({ status, handle, request }) => {
    if (status === "RUNNING" && handle === null) order.push(request.pipelineId);
  });
  const runs: string[] = [];
  for (const [at, { command }] of holds.entries()) {
    const stage = inGroup("deploy", { limit: 2 }, { script: [command] });
    runs.push((await bench.submit(stage, { pipelineId: `p${String(at)}` })).runId);
  }
  await running(runs[1] ?? "");
  await bench.run("free", { pipelineId: "p9" });
  expect(order).toEqual(["p0", "p1", "p9"]);
  await eventually(() => bench.runner.counts.running === 2, "the free one has left its slot");
  expect(bench.runner.counts.waiting).toBe(2);
  holds[1]?.release();
  await running(runs[2] ?? "");
  expect(await statusOf(runs[3] ?? "")).toBe("PENDING");
  for (const hold of holds) hold.release();
  await bench.runner.idle();
  expect(order).toEqual(["p0", "p1", "p9", "p2", "p3"]);
});

test("a member of a group that waits takes no slot, and others go past it", async () => {
  bench = await Bench.open({ concurrency: 2 });
  const held = bench.hold();
  const first = await bench.submit(inGroup("deploy", {}, { script: [held.command] }));
  const second = await bench.submit(inGroup("deploy"), { pipelineId: "p2" });
  expect(await bench.run("lint", { pipelineId: "p2" })).toMatchObject({ status: "SUCCESS" });
  expect(await bench.run(inGroup("deploy", { group: "other" }))).toMatchObject({ status: "SUCCESS" });
  expect(await bench.run(inGroup("deploy"), { repoId: "r2" })).toMatchObject({ status: "SUCCESS" });
  expect(await bench.run(inGroup("deploy"), { orgId: "o2" })).toMatchObject({ status: "SUCCESS" });
  expect(await statusOf(second.runId)).toBe("PENDING");
  expect(await bench.runner.waitsFor(second.runId)).toEqual({
    kind: "concurrency",
    group: "production",
    runs: [first.runId],
  });
  held.release();
  expect(await bench.verdict(second.runId)).toMatchObject({ status: "SUCCESS" });
  expect(await bench.runner.waitsFor(second.runId)).toBeUndefined();
});

test("two stages of one pipeline in a group run one after the other, also when the later one needs the earlier", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  // Accepted first, but it waits for a need, so it holds up nobody.
  const build = await bench.submit({ id: "build", script: [held.command] });
  const last = await bench.submit(inGroup("last", {}, { needs: [need("build"), need("first")] }));
  const first = await bench.submit(inGroup("first"));
  expect(await bench.verdict(first.runId)).toMatchObject({ status: "SUCCESS" });
  expect(await bench.runner.waitsFor(last.runId)).toEqual({ kind: "needs", stages: ["build"] });
  held.release();
  expect(await bench.verdict(last.runId)).toMatchObject({ status: "SUCCESS" });
  const times = await Promise.all([build, first, last].map(({ runId }) => bench.store.load(runId)));
  expect((times[1]?.finishedAt ?? "") <= (times[2]?.startedAt ?? "")).toBe(true);
});

test("nobody in a group is passed by for naming a lower limit", async () => {
  bench = await Bench.open();
  const [one, two] = [bench.hold(), bench.hold()];
  const first = await bench.submit(inGroup("a", {}, { script: [one.command] }));
  await running(first.runId);
  const careful = await bench.submit(inGroup("b", { limit: 1 }, { script: [two.command] }));
  const careless = await bench.submit(inGroup("c", { limit: 9 }));
  await bench.run("d");
  expect(await statusOf(careless.runId)).toBe("PENDING");
  expect(await bench.runner.waitsFor(careless.runId)).toEqual({
    kind: "concurrency",
    group: "production",
    runs: [first.runId, careful.runId],
  });
  one.release();
  await bench.verdict(careless.runId);
  expect(await statusOf(careful.runId)).toBe("RUNNING");
  two.release();
  await bench.runner.idle();
});

test("a group counts what was adopted after a restart, and what isn't adopted yet", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const first = await bench.submit(inGroup("deploy", {}, { script: [held.command] }));
  await running(first.runId);
  const second = await bench.submit(inGroup("deploy"), { pipelineId: "p2" });
  await bench.leave();
  const inspecting = latch();
  bench.engine.before = (verb) => (verb === "inspect" ? inspecting.opened : undefined);
  await bench.runner.start();
  await bench.run("other");
  expect(await statusOf(second.runId)).toBe("PENDING");
  inspecting.open();
  await bench.run("another");
  expect(await statusOf(second.runId)).toBe("PENDING");
  held.release();
  expect(await bench.verdict(second.runId)).toMatchObject({ status: "SUCCESS" });
});

test("a run tried again keeps its place in the group", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const script = [`[ -e ${bench.folder}/again ] && ${held.command}; touch ${bench.folder}/again; false`];
  const first = await bench.submit(inGroup("a", {}, { script, retry: { max: 1 } }));
  const second = await bench.submit(inGroup("b"));
  await bench.until(first.runId, ({ attempts, handle }) => attempts === 2 && handle !== null);
  await bench.run("other");
  expect(await statusOf(second.runId)).toBe("PENDING");
  held.release();
  expect(await bench.verdict(second.runId)).toMatchObject({ status: "SUCCESS" });
});

const ending = { cancelInProgress: true, limit: 1 } as const;

test("cancel_in_progress ends what runs and what waits in other pipelines, and names the new run", async () => {
  bench = await Bench.open({ concurrency: 8 });
  const script = [bench.hold().command];
  const running1 = await bench.submit(inGroup("deploy", {}, { script }));
  await running(running1.runId);
  const waiting1 = await bench.submit(inGroup("late"));
  const elsewhere = await bench.submit(inGroup("deploy", {}, { script: ["true"] }), { repoId: "r2" });
  const sibling = await bench.submit(inGroup("early"), { pipelineId: "p2" });
  const newest = await bench.submit(inGroup("deploy", ending), { pipelineId: "p2" });
  for (const { runId } of [running1, waiting1]) {
    expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED", cause: "canceled" });
    expect((await bench.store.load(runId))?.cancelRequestedBy).toBe(`run ${newest.runId}`);
  }
  for (const { runId } of [sibling, newest, elsewhere])
    expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
});

test("cancel_in_progress never ends what came after", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  await bench.submit({ id: "build", script: [held.command] });
  const old = await bench.submit(inGroup("deploy", ending, { needs: [need("build")] }));
  const young = await bench.submit(inGroup("deploy", { limit: 2 }), { pipelineId: "p2" });
  expect(await bench.verdict(young.runId)).toMatchObject({ status: "SUCCESS" });
  held.release();
  expect(await bench.verdict(old.runId)).toMatchObject({ status: "SUCCESS" });
});

test("cancel_in_progress holds when the runner is killed before it comes to that", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const old = await bench.submit(inGroup("deploy", {}, { script: [held.command] }));
  await running(old.runId);
  await bench.leave();
  const plan = planOf(inGroup("deploy", ending));
  const request = bench.request("deploy", { pipelineId: "p2" });
  const { runId } = await bench.store.accept(Bun.randomUUIDv7(), request, plan);
  await bench.reopen();
  await bench.runner.start();
  expect(await bench.verdict(old.runId)).toMatchObject({ status: "CANCELED" });
  expect((await bench.store.load(old.runId))?.cancelRequestedBy).toBe(`run ${runId}`);
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
});

test("until what it ends is canceled on record, the new run isn't begun", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const old = await bench.submit(inGroup("deploy", {}, { script: [held.command] }));
  await running(old.runId);
  const record = bench.store.record.bind(bench.store);
  let full = true;
  bench.store.record = (runId, event) =>
    full && event.type === "cancel_requested"
      ? Promise.reject(new RunnerError("disk_full", "the disk is full"))
      : record(runId, event);
  const { runId } = await bench.submit(inGroup("deploy", { ...ending, limit: 5 }), { pipelineId: "p2" });
  await eventually(
    () => bench.told.filter((line) => line.includes("couldn't be canceled")).length > 1,
    "told",
  );
  expect(await bench.run("other")).toMatchObject({ status: "SUCCESS" });
  expect(await statusOf(runId)).toBe("PENDING");
  full = false;
  expect(await bench.verdict(old.runId)).toMatchObject({ status: "CANCELED" });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
});

test("what a run waits for is told: needs, a slot, the engine", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  const first = await bench.submit({ id: "build", script: [held.command] });
  await running(first.runId);
  const needy = await bench.submit({ id: "test", needs: [need("build")] });
  const plain = await bench.submit("lint");
  expect(await bench.runner.waitsFor(needy.runId)).toEqual({ kind: "needs", stages: ["build"] });
  expect(await bench.runner.waitsFor(plain.runId)).toEqual({ kind: "slot" });
  expect(await bench.runner.waitsFor(first.runId)).toBeUndefined();
  expect(await bench.runner.waitsFor("no such run")).toBeUndefined();
  await bench.leave();
  bench.engine.away = true;
  await bench.runner.start();
  await eventually(() => bench.told.some((line) => line.includes("wait")), "the engine is found away");
  bench.settings.concurrency = 9;
  const other = await bench.submit("other");
  await eventually(() => bench.told.some((line) => line.startsWith("runs wait for the engine")), "told");
  expect(await bench.runner.waitsFor(other.runId)).toEqual({ kind: "engine" });
  bench.engine.away = false;
  held.release();
  await bench.verdict(other.runId);
});
