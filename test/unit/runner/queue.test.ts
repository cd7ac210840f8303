import { afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Bench, codeOf, eventually, need, planOf } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

test("a run goes from PENDING by RUNNING to SUCCESS, each event once, and its totals are those of its log", async () => {
  bench = await Bench.open();
  const statuses: string[] = [];
  bench.store.onChange((state) => statuses.push(state.status));
  const accepted = await bench.submit({
    id: "build",
    script: ["echo one", "printf 'zwei ü'; echo; cat README"],
  });
  expect(accepted.status).toBe("PENDING");
  const verdict = await bench.verdict(accepted.runId);
  expect(verdict).toMatchObject({ status: "SUCCESS", exitCode: 0, cause: null, reason: "", artifacts: 0 });
  expect(statuses).toEqual(["PENDING", "RUNNING", "RUNNING", "SUCCESS"]);
  const events = await bench.store.events(accepted.runId);
  expect(events.map(({ seq, type }) => [seq, type])).toEqual([
    [1, "accepted"],
    [2, "started"],
    [3, "container"],
    [4, "finished"],
  ]);
  expect(await bench.log(accepted.runId)).toEqual(["one", "zwei ü", "hello"]);
  const text = "one\nzwei ü\nhello\n";
  const sha256 = createHash("sha256").update(text).digest("hex");
  expect(verdict.log).toEqual({ lines: 3, bytes: Buffer.byteLength(text), sha256 });
  expect(verdict.steps.map(({ step, section, exitCode }) => [step, section, exitCode])).toEqual([
    [1, "script", 0],
    [2, "script", 0],
  ]);
});

test("a run's container is on record before the first command, with its image and the time of its pull", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const { runId } = await bench.submit({ id: "build", script: ["echo here", held.command] });
  await bench.printed(runId, "here");
  const state = await bench.store.load(runId);
  expect(state).toMatchObject({ status: "RUNNING", attempts: 1, image: "sha256:alpine", handle: { runId } });
  expect(state?.pullSeconds).toBeNumber();
  held.release();
  await bench.verdict(runId);
});

test("runs start in the order of their acceptance, never more side by side than allowed, and a free slot is used", async () => {
  bench = await Bench.open({ concurrency: 2 });
  const holds = Array.from({ length: 5 }, () => bench.hold());
  const order: string[] = [];
  let most = 0;
  bench.store.onChange((state) => {
    if (state.status === "RUNNING" && state.handle === null) order.push(state.request.stageId);
    most = Math.max(most, bench.store.runs().filter(({ status }) => status === "RUNNING").length);
  });
  const runs = await Promise.all(
    holds.map(({ command }, at) => bench.submit({ id: `s${String(at)}`, script: [command] })),
  );
  expect(bench.runner.counts.waiting + bench.runner.counts.running).toBe(5);
  for (const [at, hold] of holds.entries()) {
    await eventually(() => order.length === Math.min(5, at + 2), "both slots are taken");
    expect(bench.runner.counts.running).toBe(Math.min(2, 5 - at));
    hold.release();
    await bench.verdict(runs[at]?.runId ?? "");
    await Bench.turns(3);
  }
  expect(order).toEqual(["s0", "s1", "s2", "s3", "s4"]);
  expect(most).toBe(2);
});

test("a slot that the settings add is used at the next decision", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const [one, two] = [bench.hold(), bench.hold()];
  const first = await bench.submit({ id: "a", script: [one.command] });
  const second = await bench.submit({ id: "b", script: [two.command] });
  await bench.until(first.runId, ({ status }) => status === "RUNNING");
  bench.settings.concurrency = 3;
  await bench.run("c");
  expect(await bench.store.load(second.runId)).toMatchObject({ status: "RUNNING" });
  one.release();
  two.release();
  await bench.runner.idle();
});

test("a run waits for what it needs, and one that needs nothing goes past it", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const build = await bench.submit({ id: "build", script: [held.command] });
  const tests = await bench.submit({ id: "test", needs: [need("build"), need("never-triggered")] });
  expect(await bench.run({ id: "lint" })).toMatchObject({ status: "SUCCESS" });
  expect(await bench.run({ id: "test", needs: [need("build")] }, { pipelineId: "p2" })).toMatchObject({
    status: "SUCCESS",
  });
  expect((await bench.store.load(tests.runId))?.status).toBe("PENDING");
  held.release();
  await bench.verdict(tests.runId);
  const [needed, waited] = await Promise.all([bench.store.load(build.runId), bench.store.load(tests.runId)]);
  expect((needed?.finishedAt ?? "") <= (waited?.startedAt ?? "")).toBe(true);
});

test("another repository's run of the same stage and pipeline doesn't stand before the needed one", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  await bench.submit({ id: "build", script: [held.command, "false"] });
  await bench.run("build", { repoId: "other" });
  await bench.run("build", { orgId: "other" });
  const tests = await bench.submit({ id: "test", needs: [need("build")] });
  const strangers = await bench.run({ id: "test", needs: [need("build")] }, { repoId: "other" });
  expect(strangers.status).toBe("SUCCESS");
  expect((await bench.store.load(tests.runId))?.status).toBe("PENDING");
  held.release();
  expect((await bench.verdict(tests.runId)).status).toBe("PASSED");
});

test("a run that is passed over says why, in its verdict and its log, and starts nothing", async () => {
  bench = await Bench.open();
  await bench.run({ id: "build", script: ["exit 3"] });
  const { runId } = await bench.submit({ id: "test", needs: [need("build")] });
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({ status: "PASSED", cause: null, exitCode: null, steps: [], artifacts: 0 });
  expect(verdict.reason).toContain('"build"');
  expect(await bench.log(runId)).toEqual([`# ${verdict.reason}`]);
  expect((await bench.store.events(runId)).map(({ type }) => type)).toEqual(["accepted", "finished"]);
  expect(bench.engine.calls.filter((call) => call === `create ${runId}`)).toEqual([]);
});

test("a whole chain of runs is passed over, in whatever order it was accepted", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  await bench.submit({ id: "root", script: [held.command, "exit 1"] });
  const root = need("root");
  const chain = await Promise.all([
    bench.submit({ id: "c", needs: [need("b"), root] }),
    bench.submit({ id: "b", needs: [need("a"), root] }),
    bench.submit({ id: "a", needs: [root] }),
    bench.submit({ id: "d", needs: [need("c")] }),
  ]);
  held.release();
  await bench.runner.idle();
  const states = await Promise.all(chain.map(({ runId }) => bench.store.load(runId)));
  expect(states.map((state) => state?.status)).toEqual(["PASSED", "PASSED", "PASSED", "PASSED"]);
});

test("a full queue refuses, and nothing of the refused run is on disk", async () => {
  bench = await Bench.open({ concurrency: 1, queueLimit: 2 });
  const held = bench.hold();
  const first = await bench.submit({ id: "a", script: [held.command] });
  await bench.until(first.runId, ({ handle }) => handle !== null);
  await bench.submit("b");
  await bench.submit("c");
  const before = filesBelow(bench.stateFolder);
  expect(await codeOf(bench.submit("d"))).toBe("queue_full");
  expect(filesBelow(bench.stateFolder)).toEqual(before);
  expect(bench.store.runs()).toHaveLength(3);
  held.release();
  await bench.runner.idle();
  expect((await bench.run("d")).status).toBe("SUCCESS");
});

test("the queue's limit holds for a crowd that comes at the same moment", async () => {
  bench = await Bench.open({ concurrency: 1, queueLimit: 5 });
  const held = bench.hold();
  const first = await bench.submit({ id: "a", script: [held.command] });
  await bench.until(first.runId, ({ status }) => status === "RUNNING");
  const codes = await Promise.all(
    Array.from({ length: 40 }, (_, at) => codeOf(bench.submit(`s${String(at)}`))),
  );
  expect(codes.filter((code) => code === "resolved")).toHaveLength(5);
  expect(codes.filter((code) => code === "queue_full")).toHaveLength(35);
  held.release();
});

test("fifty triggers with one key at the same moment are one run, and so is one much later", async () => {
  bench = await Bench.open();
  const more = { idempotencyKey: "k", fingerprint: "f" };
  const runs = await Promise.all(Array.from({ length: 50 }, () => bench.submit("build", more)));
  expect(new Set(runs.map(({ runId }) => runId)).size).toBe(1);
  expect(bench.store.runs()).toHaveLength(1);
  await bench.runner.idle();
  expect(bench.engine.count("create")).toBe(1);
  await bench.restart();
  expect(await bench.submit("build", more)).toMatchObject({ runId: runs[0]?.runId, status: "SUCCESS" });
});

test("a key that was used for another trigger is a conflict, also at the same moment", async () => {
  bench = await Bench.open();
  const codes = await Promise.all(
    ["one", "two", "one"].map((fingerprint) =>
      codeOf(bench.submit("build", { idempotencyKey: "k", fingerprint })),
    ),
  );
  expect(codes).toEqual(["resolved", "conflict", "resolved"]);
  expect(await codeOf(bench.submit("build", { idempotencyKey: "k", fingerprint: "two" }))).toBe("conflict");
  expect(bench.store.runs()).toHaveLength(1);
});

test("a known key is answered while the queue is full or the runner shuts down; a new one is refused", async () => {
  bench = await Bench.open({ concurrency: 1, queueLimit: 1 });
  const held = bench.hold();
  const more = { idempotencyKey: "k", fingerprint: "f" };
  const first = await bench.submit({ id: "a", script: [held.command] }, more);
  await bench.until(first.runId, ({ status }) => status === "RUNNING");
  await bench.submit("b");
  expect(await bench.submit("a", more)).toMatchObject({ runId: first.runId });
  expect(await codeOf(bench.submit("c", { idempotencyKey: "other" }))).toBe("queue_full");
  bench.runner.refuse();
  expect(await bench.submit("a", more)).toMatchObject({ runId: first.runId });
  expect(await codeOf(bench.submit("c"))).toBe("shutting_down");
  held.release();
});

test("a trigger that couldn't be stored can be repeated with its key", async () => {
  bench = await Bench.open();
  const { store } = bench;
  const accept = store.accept.bind(store);
  store.accept = async () => {
    store.accept = accept;
    throw new Error("no");
  };
  const more = { idempotencyKey: "k", fingerprint: "f" };
  expect(await codeOf(bench.submit("build", more))).toBe("Error: no");
  expect((await bench.run("build", more)).status).toBe("SUCCESS");
  await bench.runner.idle();
  expect(bench.runner.counts).toEqual({ waiting: 0, running: 0 });
});

test("idle resolves at once when there is nothing, and otherwise only when everything is cleaned up", async () => {
  bench = await Bench.open();
  await bench.runner.idle();
  bench.engine.before = (verb) => (verb === "remove" ? Bun.sleep(30) : undefined);
  const runs = await Promise.all(["a", "b", "c"].map((id) => bench.submit(planOf(id))));
  await bench.runner.idle();
  for (const { runId } of runs) expect((await bench.store.load(runId))?.status).toBe("SUCCESS");
  expect(bench.leftovers()).toEqual([]);
});

function filesBelow(folder: string): readonly string[] {
  expect(existsSync(join(folder, "runs"))).toBe(true);
  return readdirSync(join(folder, "runs"), { recursive: true }).map(String).toSorted();
}
