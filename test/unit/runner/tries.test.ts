import { afterEach, expect, test } from "bun:test";
import type { RunEvent } from "../../../src/events/event.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import { Bench, eventually, latch, need, untilAborted } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

/** Fails until it has been tried `times` times; the count lies outside of the workspace, which is new for each try. */
function failing(times: number, code = 3): string[] {
  const count = `${bench.folder}/count`;
  return [
    `n=$(cat ${count} 2>/dev/null || echo 0); n=$((n+1)); echo $n >${count}; echo try $n`,
    "[ ! -e left ]; touch left",
    `[ $n -gt ${String(times)} ] || exit ${String(code)}`,
  ];
}

test("a run that fails is tried again, and every failed try stays on record", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: failing(2), retry: { max: 2 } });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS", exitCode: 0, cause: null });
  expect(await bench.log(runId)).toEqual([
    "try 1",
    "# try 1 of 3 failed (script: command 3 ended with exit code 3); now comes try 2 of 3",
    "try 2",
    "# try 2 of 3 failed (script: command 3 ended with exit code 3); now comes try 3 of 3",
    "try 3",
  ]);
  const state = await bench.store.load(runId);
  expect(state).toMatchObject({ attempts: 3 });
  expect(state?.tries?.map(({ attempt, exitCode, lines }) => [attempt, exitCode, lines])).toEqual([
    [1, 3, 1],
    [2, 3, 3],
  ]);
  expect(state?.tries?.[0]?.steps.map(({ exitCode }) => exitCode)).toEqual([0, 0, 3]);
  const types = (await bench.store.events(runId)).map(({ type }) => type).join(" ");
  const failed = "started container try_failed";
  expect(types).toBe(`accepted ${failed} ${failed} started container finished`);
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("when the tries are used up, the verdict is the last one's, and what needs the run waits for it", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: failing(9, 4), retry: { max: 1 } });
  const after = await bench.submit({ id: "test", needs: [need("build")], when: "on_failure" });
  expect(await bench.verdict(after.runId)).toMatchObject({ status: "SUCCESS" });
  expect((await bench.store.load(runId))?.tries).toHaveLength(1);
  expect(await bench.verdict(runId)).toMatchObject({ status: "FAILURE", exitCode: 4, cause: "script" });
});

test("artifacts are those of the last try", async () => {
  bench = await Bench.open();
  const artifacts = { paths: ["*.txt"], exclude: [], when: "always" } as const;
  const script = [...failing(1).slice(0, 1), "echo $n >$n.txt", "[ $n -gt 1 ]"];
  const { runId } = await bench.submit({ id: "build", script, artifacts, retry: { max: 3 } });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS", artifacts: 1 });
  expect((await bench.store.artifacts(runId)).map(({ path }) => path)).toEqual(["2.txt"]);
});

test("a run whose artifacts are missing may be tried again for that", async () => {
  bench = await Bench.open();
  const artifacts = { paths: ["out"], exclude: [], when: "on_success" } as const;
  const script = [...failing(0).slice(0, 1), "if [ $n -gt 1 ]; then touch out; fi"];
  const retry = { max: 1, when: ["artifacts"] };
  const { runId } = await bench.submit({ id: "build", script, artifacts, retry });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS", artifacts: 1 });
  expect((await bench.store.load(runId))?.tries?.[0]).toMatchObject({ cause: "artifacts", exitCode: 0 });
});

test("an image that can't be had is tried again when that is asked for", async () => {
  bench = await Bench.open();
  const image = { name: "missing:1", pullPolicy: "if_not_present" } as const;
  const { runId } = await bench.submit({ id: "build", image, retry: { max: 1, when: ["image"] } });
  expect(await bench.verdict(runId)).toMatchObject({ status: "FAILURE", cause: "image" });
  expect(bench.engine.count("pull")).toBe(2);
});

test("a try has a deadline of its own", async () => {
  bench = await Bench.open({ graceMs: 50 });
  const script = [...failing(0).slice(0, 1), "[ $n -gt 1 ] || sleep 60"];
  const { runId } = await bench.submit({ id: "build", script, timeoutSeconds: 1, retry: { max: 1 } });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
  const [first, second] = (await bench.store.events(runId)).filter((event) => event.type === "started");
  expect((first?.deadline ?? "") < (second?.deadline ?? "")).toBe(true);
  expect((await bench.store.load(runId))?.tries?.[0]).toMatchObject({ cause: "timeout" });
});

test("a cancel ends a run for good, during a try and between two", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const during = await bench.submit({ id: "a", script: ["echo up", held.command], retry: { max: 5 } });
  await bench.printed(during.runId, "up");
  await bench.runner.cancel(during.runId, "me");
  expect(await bench.verdict(during.runId)).toMatchObject({ status: "CANCELED" });
  const removing = latch();
  bench.engine.before = async (verb) => {
    if (verb !== "remove" || bench.engine.count("pull") < 2) return;
    bench.engine.before = () => {};
    await bench.runner.cancel(between.runId, "me");
    removing.open();
  };
  const between = await bench.submit({ id: "b", script: ["exit 1"], retry: { max: 5 } });
  await removing.opened;
  expect(await bench.verdict(between.runId)).toMatchObject({ status: "CANCELED", cause: "canceled" });
  expect((await bench.store.load(between.runId))?.tries).toHaveLength(1);
  expect(bench.engine.count("create")).toBe(2);
});

type Break = (store: Bench["store"], leave: () => void) => void;

const after =
  (type: RunEvent["type"], attempt: number): Break =>
  (store, leave) => {
    const record = store.record.bind(store);
    store.record = async (runId, event) => {
      const state = await record(runId, event);
      if (event.type === type && "attempt" in event && event.attempt === attempt) leave();
      return state;
    };
  };

const breaks: readonly (readonly [string, Break])[] = [
  ["right after the failed try is on record", after("try_failed", 1)],
  ["once the line between the tries is in the log", () => {}],
  ["right after the next try is on record", after("started", 2)],
  ["right after the next try's container is on record", after("container", 2)],
];

for (const [when, breakAt] of breaks) {
  test(`a runner that leaves ${when} loses no try and doubles no line`, async () => {
    bench = await Bench.open();
    const left = latch();
    let leaving: Promise<void> | undefined;
    const { runner, store } = bench;
    const leave = (): void => {
      leaving ??= runner.stop();
      left.open();
    };
    breakAt(store, leave);
    bench.engine.before = async (verb, _of, signal) => {
      if (verb !== "remove" || breaks.at(1)?.[1] !== breakAt) return;
      bench.engine.before = () => {};
      leave();
      await untilAborted(AbortSignal.any([signal ?? AbortSignal.timeout(1), AbortSignal.timeout(1)]));
    };
    const { runId } = await bench.submit({ id: "build", script: failing(1), retry: { max: 1 } });
    await left.opened;
    await leaving;
    await bench.leave();
    expect((await bench.store.load(runId))?.status).toBe("RUNNING");
    await bench.runner.start();
    expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
    expect(await bench.log(runId)).toEqual([
      "try 1",
      "# try 1 of 2 failed (script: command 3 ended with exit code 3); now comes try 2 of 2",
      "try 2",
    ]);
    expect((await bench.store.load(runId))?.tries).toHaveLength(1);
    await bench.runner.idle();
    expect(bench.leftovers()).toEqual([]);
  });
}

test("a run whose container was gone when the runner came back is tried again, for the cause engine", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const script = ["echo up", `[ -e ${bench.folder}/go ] || ${held.command}`];
  const { runId } = await bench.submit({ id: "build", script, retry: { max: 1, when: ["engine"] } });
  await bench.printed(runId, "up");
  await bench.leave();
  await bench.engine.remove(runId);
  const room = (await bench.store.load(runId))?.handle?.room ?? "";
  await Bun.$`rm -rf ${room} && touch ${bench.folder}/go`.quiet();
  await bench.runner.start();
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
  expect(await bench.log(runId)).toEqual([
    "up",
    "# try 1 of 2 failed (engine: its container was gone when the runner came back); now comes try 2 of 2",
    "up",
  ]);
});

test("an adopted try that fails is tried again as any other", async () => {
  bench = await Bench.open();
  const held = bench.hold();
  const script = [...failing(1).slice(0, 1), `[ $n -gt 1 ] || ${held.command}`, "[ $n -gt 1 ]"];
  const { runId } = await bench.submit({ id: "build", script, retry: { max: 1 } });
  await bench.printed(runId, "try 1");
  await bench.restart();
  held.release();
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
  expect((await bench.log(runId)).filter((line) => !line.startsWith("#"))).toEqual(["try 1", "try 2"]);
  await eventually(() => bench.runner.counts.running === 0, "the slot is free again");
});

test("what goes wrong between two tries is no try", async () => {
  bench = await Bench.open();
  bench.engine.before = (verb) => {
    if (verb === "remove") throw new RunnerError("engine_failed", "it can't be removed");
  };
  const { runId } = await bench.submit({ id: "build", script: failing(9), retry: { max: 5 } });
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "engine", reason: "it can't be removed" });
  expect((await bench.store.load(runId))?.tries).toHaveLength(1);
});
