import { afterEach, expect, test } from "bun:test";
import type { ArtifactsPlan } from "../../../src/plan/plan.ts";
import { Bench, need } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

function artifactsOf(paths: readonly string[], when: ArtifactsPlan["when"] = "on_success"): ArtifactsPlan {
  return { paths, exclude: [], when };
}

test("artifacts are kept, counted and told of in the log, once the container is gone", async () => {
  bench = await Bench.open();
  const script = ["mkdir bin; echo app >bin/app; echo lib >bin/lib"];
  const { runId } = await bench.submit({ id: "build", script, artifacts: artifactsOf(["bin/", "none/"]) });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS", artifacts: 2, log: { lines: 2 } });
  expect((await bench.store.artifacts(runId)).map(({ path, size }) => [path, size])).toEqual([
    ["bin/app", 4],
    ["bin/lib", 4],
  ]);
  expect(await bench.log(runId)).toEqual([
    "# artifacts: nothing matches none/",
    expect.stringMatching(/^# artifacts: kept 2 \(8 B/),
  ]);
});

test("a stage that succeeded without any of its artifacts fails, with its exit code", async () => {
  bench = await Bench.open();
  const verdict = await bench.run({ id: "build", artifacts: artifactsOf(["bin/", "*.zip"]) });
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "artifacts", exitCode: 0, artifacts: 0 });
  expect(verdict.reason).toContain("bin/, *.zip");
});

test("a stage that failed keeps its own cause when its artifacts aren't there", async () => {
  bench = await Bench.open();
  const stage = { id: "build", script: ["exit 3"], artifacts: artifactsOf(["bin/"], "always") };
  expect(await bench.run(stage)).toMatchObject({ status: "FAILURE", cause: "script", exitCode: 3 });
});

for (const [when, good, bad] of [
  ["on_success", 1, 0],
  ["on_failure", 0, 1],
  ["always", 1, 1],
] as const) {
  test(`artifacts ${when} are kept then only`, async () => {
    bench = await Bench.open();
    const artifacts = artifactsOf(["out"], when);
    const kept = await Promise.all(
      ["true", "exit 1"].map((end, at) =>
        bench.run({ id: `s${String(at)}`, script: ["echo x >out", end], artifacts }),
      ),
    );
    expect(kept.map((verdict) => verdict.artifacts)).toEqual([good, bad]);
    expect(kept.map(({ status }) => status)).toEqual(["SUCCESS", "FAILURE"]);
  });
}

test("what may not be kept is left out, and the log says why", async () => {
  bench = await Bench.open();
  const script = ["mkdir out; echo x >out/file; ln -s /etc/passwd out/link; mkfifo out/fifo"];
  const { runId } = await bench.submit({ id: "build", script, artifacts: artifactsOf(["out/"]) });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS", artifacts: 1 });
  const log = (await bench.log(runId)).join("\n");
  expect(log).toContain("# artifacts: left out out/link: a symbolic link");
  expect(log).toContain("# artifacts: left out out/fifo: a FIFO");
});

test("artifacts of the needs are put in place over the source's files, unless the need says otherwise", async () => {
  bench = await Bench.open();
  for (const id of ["one", "two", "three"]) {
    const script = [`echo ${id} >README; echo ${id} >${id}`];
    await bench.run({ id, script, artifacts: artifactsOf(["README", id]) });
  }
  const needs = [need("one"), need("two"), need("three", false)];
  const { runId } = await bench.submit({ id: "test", needs, script: ["cat README; ls"] });
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
  expect(await bench.log(runId)).toEqual(["two", "README", "one", "two"]);
});

test("an artifact in whose place the source has a folder fails the run, cause artifacts", async () => {
  bench = await Bench.open();
  await bench.run({ id: "build", script: ["echo x >docs"], artifacts: artifactsOf(["docs"]) });
  Bun.spawnSync(["mkdir", `${bench.source}/docs`]);
  await Bun.write(`${bench.source}/docs/page`, "p");
  expect(await bench.run({ id: "test", needs: [need("build")] })).toMatchObject({
    status: "FAILURE",
    cause: "artifacts",
    exitCode: null,
  });
  await bench.runner.idle();
  expect(bench.leftovers()).toEqual([]);
});

test("a stage whose container can't be removed keeps no artifacts that it may still write to", async () => {
  bench = await Bench.open();
  bench.engine.before = (verb) => {
    if (verb === "remove") throw new Error("it won't go");
  };
  const stage = { id: "build", script: ["echo x >out"], artifacts: artifactsOf(["out"]) };
  expect(await bench.run(stage)).toMatchObject({ status: "FAILURE", cause: "engine", artifacts: 0 });
});

test("a canceled stage keeps what it may always keep", async () => {
  bench = await Bench.open({ graceMs: 200 });
  const script = ["echo x >out; echo up; while :; do sleep 0.01; done"];
  const { runId } = await bench.submit({ id: "a", script, artifacts: artifactsOf(["out"], "always") });
  await bench.printed(runId, "up");
  await bench.runner.cancel(runId, "ann");
  expect(await bench.verdict(runId)).toMatchObject({ status: "CANCELED", artifacts: 1 });
});
