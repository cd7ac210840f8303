import { afterEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { RunnerError } from "../../../src/shared/errors.ts";
import { RunLog } from "../../../src/store/run-log.ts";
import { Bench, codeOf, type Stage, type Verb } from "./bench.ts";
import type { Verdict } from "../../../src/events/event.ts";

let bench: Bench;
afterEach(() => bench.close());

/** Runs it to its end, and holds that nothing is left of it and that the next run is as good as ever. */
async function fails(stage: Stage): Promise<Verdict> {
  const { runId } = await bench.submit(stage);
  const verdict = await bench.verdict(runId);
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
  expect(verdict).toMatchObject({ status: "FAILURE", artifacts: 0 });
  expect(verdict.reason).not.toBe("");
  expect(verdict.reason).not.toContain(bench.folder);
  bench.engine.before = () => {};
  expect((await bench.run("next")).status).toBe("SUCCESS");
  await bench.runner.idle();
  return verdict;
}

function failAt(verb: Verb, error: Error): void {
  bench.engine.before = (called) => {
    if (called === verb) throw error;
  };
}

test("a script's failure is told with its exit code and command", async () => {
  bench = await Bench.open();
  expect(await fails({ id: "build", script: ["true", "exit 3", "echo never"] })).toMatchObject({
    cause: "script",
    exitCode: 3,
    reason: "command 2 ended with exit code 3",
    steps: [{ exitCode: 0 }, { exitCode: 3 }],
  });
});

test("an exit code that the plan calls a success is one", async () => {
  bench = await Bench.open();
  const verdict = await bench.run({ id: "build", script: ["exit 42"], successExit: [0, 42] });
  expect(verdict).toMatchObject({ status: "SUCCESS", exitCode: 42, cause: null, reason: "" });
});

test("an image that can't be had is the image's fault, and what the pull said is in the log", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({
    id: "build",
    image: { name: "missing:1", pullPolicy: "always" },
    artifacts: { paths: ["README"], exclude: [], when: "always" },
  });
  expect(await bench.verdict(runId)).toMatchObject({ status: "FAILURE", cause: "image", exitCode: null });
  expect(await bench.log(runId)).toEqual(["# pulling image missing:1"]);
});

test("an image without the shell is the image's fault", async () => {
  bench = await Bench.open();
  expect(await fails({ id: "build", shell: "/no/such/shell" })).toMatchObject({ cause: "image" });
});

for (const verb of ["pull", "create", "start", "open"] as const) {
  test(`an engine that fails at ${verb} fails the run, with its own words`, async () => {
    bench = await Bench.open();
    failAt(verb, new RunnerError("engine_failed", `no ${verb} today`));
    expect(await fails({ id: "build" })).toMatchObject({ cause: "engine", reason: `no ${verb} today` });
  });
}

test("an error that nobody thought of fails the run; its words are for the operator alone", async () => {
  bench = await Bench.open();
  failAt("start", new TypeError("secret undefined"));
  const verdict = await fails({ id: "build" });
  expect(verdict).toMatchObject({ cause: "engine" });
  expect(verdict.reason).not.toContain("secret");
  expect(bench.told.join("\n")).toContain("secret");
});

test("a source that is gone is a failed checkout, and the started container is removed", async () => {
  bench = await Bench.open();
  rmSync(bench.source, { recursive: true });
  const { runId } = await bench.submit("build");
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "checkout", exitCode: null });
  expect(verdict.reason).not.toBe("");
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("a container ended from outside is the engine's failure, with all that it had written", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "build", script: ["echo up; while :; do sleep 0.01; done"] });
  await bench.printed(runId, "up");
  const handle = (await bench.store.load(runId))?.handle;
  if (!handle) throw new Error("no handle");
  await bench.engine.kill(handle);
  expect(await bench.verdict(runId)).toMatchObject({ status: "FAILURE", cause: "engine", exitCode: null });
  expect(await bench.log(runId)).toEqual(["up"]);
});

test("a disk that fills up under the log ends the run at once, cause disk", async () => {
  bench = await Bench.open();
  const openLog = bench.store.openLog.bind(bench.store);
  bench.store.openLog = async (runId) => {
    const log = await openLog(runId);
    expect(log).toBeInstanceOf(RunLog);
    const append = log.append.bind(log);
    log.append = (lines, cursor) => {
      const at = lines.findIndex(({ text }) => text === "two");
      append(at === -1 ? lines : lines.slice(0, at), cursor);
      if (at !== -1) throw new RunnerError("disk_full", "no space left");
    };
    return log;
  };
  const { runId } = await bench.submit({
    id: "build",
    script: ["echo one", "sleep 0.05", "echo two; while :; do sleep 0.01; done"],
  });
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({
    status: "FAILURE",
    cause: "disk",
    exitCode: null,
    reason: "no space left",
  });
  expect(verdict.log.lines).toBe(1);
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("a disk without room for a run's work folder fails the run, cause disk", async () => {
  bench = await Bench.open();
  const workFolder = bench.store.workFolder.bind(bench.store);
  bench.store.workFolder = async () => {
    bench.store.workFolder = workFolder;
    throw new RunnerError("disk_full", "no space left");
  };
  expect(await bench.run("a")).toMatchObject({ status: "FAILURE", cause: "disk", reason: "no space left" });
});

for (const type of ["started", "finished"] as const) {
  test(`while the event "${type}" can't be stored the run stays as it is, and goes on once there's room`, async () => {
    bench = await Bench.open();
    const record = bench.store.record.bind(bench.store);
    let refused = 0;
    bench.store.record = async (runId, event) => {
      // What the run itself left may be what fills the disk.
      if (event.type === "finished" && refused === 2) expect(bench.leftovers()).toEqual([]);
      if (event.type === type && refused++ < 3) throw new RunnerError("disk_full", "no space left");
      return record(runId, event);
    };
    const { runId } = await bench.submit("build");
    const verdict = await bench.verdict(runId);
    expect(refused).toBe(4);
    expect(verdict.status).toBe("SUCCESS");
    await bench.runner.idle();
    expect(bench.leftovers()).toEqual([]);
    expect((await bench.run("next")).status).toBe("SUCCESS");
  });
}

test("the end of a run that waits is stored once there's room, be it canceled or passed over", async () => {
  bench = await Bench.open({ concurrency: 1 });
  const held = bench.hold();
  const first = await bench.submit({ id: "a", script: [held.command] });
  await bench.until(first.runId, ({ handle }) => handle !== null);
  const canceled = await bench.submit("b");
  const passed = await bench.submit({ id: "c", when: "never" });
  const record = bench.store.record.bind(bench.store);
  let refused = 0;
  bench.store.record = async (runId, event) => {
    const waits = event.type === "finished" && runId !== first.runId;
    if (waits && refused++ < 4) throw new RunnerError("disk_full", "no space left");
    return record(runId, event);
  };
  expect(await codeOf(bench.runner.cancel(canceled.runId, "ann"))).toBe("disk_full");
  held.release();
  await bench.runner.idle();
  expect((await bench.verdict(canceled.runId)).status).toBe("CANCELED");
  expect((await bench.verdict(passed.runId)).status).toBe("PASSED");
});

test("a run that can't be removed from the engine doesn't hold up idle or the next run", async () => {
  bench = await Bench.open({ concurrency: 1 });
  failAt("remove", new RunnerError("engine_failed", "it won't go"));
  expect((await bench.run("a")).status).toBe("SUCCESS");
  expect((await bench.run("b")).status).toBe("SUCCESS");
  await bench.runner.idle();
  expect(bench.told.join("\n")).toContain("it won't go");
});

test("files that this process may not delete are erased by the engine", async () => {
  bench = await Bench.open();
  const removeWork = bench.store.removeWork.bind(bench.store);
  let refused = false;
  bench.store.removeWork = async (runId) => {
    if (refused) return removeWork(runId);
    refused = true;
    throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
  };
  const erased: string[] = [];
  const erase = bench.engine.erase.bind(bench.engine);
  bench.engine.erase = async (folder) => {
    erased.push(folder);
    return erase(folder);
  };
  const { runId } = await bench.submit("build");
  await bench.runner.idle();
  expect(erased).toEqual([`${bench.stateFolder}/work/${runId}/workspace`]);
  expect(bench.leftovers()).toEqual([]);
});

test("an ephemeral stage that ended by itself is dismissed, any other is removed", async () => {
  bench = await Bench.open({ ephemeral: true });
  await bench.run("a");
  await bench.runner.idle();
  expect([bench.engine.count("dismiss"), bench.engine.count("remove")]).toEqual([1, 0]);
  await bench.run({ id: "b", image: { name: "missing", pullPolicy: "never" } });
  await bench.runner.idle();
  expect([bench.engine.count("dismiss"), bench.engine.count("remove")]).toEqual([1, 1]);
});
