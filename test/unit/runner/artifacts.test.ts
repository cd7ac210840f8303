import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactsPlan } from "../../../src/plan/plan.ts";
import { Bench, need, type Stage } from "./bench.ts";

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
  expect(await bench.log(runId)).toEqual([
    "# artifacts: README of stage two takes the place of that of stage one",
    "two",
    "README",
    "one",
    "two",
  ]);
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

test("of two needs that bring the same path the later one's is there, and the log says so", async () => {
  bench = await Bench.open();
  const maker = (id: string): Stage => ({
    id,
    script: [`echo ${id} >who; echo same >same; ln -s ${id} link`],
    artifacts: artifactsOf(["who", "same", "link"]),
  });
  for (const id of ["one", "two"]) await bench.run(maker(id));
  const user = await bench.submit({
    id: "user",
    script: ["cat who same; readlink link"],
    needs: [need("one"), need("two")],
  });
  expect((await bench.verdict(user.runId)).status).toBe("SUCCESS");
  expect(await bench.log(user.runId)).toEqual([
    "# artifacts: link of stage two takes the place of that of stage one",
    "# artifacts: who of stage two takes the place of that of stage one",
    "two",
    "same",
    "two",
  ]);
});

test("a flood of such paths is told in a few lines", async () => {
  bench = await Bench.open();
  for (const id of ["one", "two"]) {
    const script = [`mkdir out; for i in $(seq 100); do echo ${id} >out/$i; done`];
    await bench.run({ id, script, artifacts: artifactsOf(["out/"]) });
  }
  const user = await bench.submit({ id: "user", needs: [need("one"), need("two")] });
  await bench.verdict(user.runId);
  const lines = await bench.log(user.runId);
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe("# artifacts: and 80 more that way");
});

test("a cancel while artifacts are being kept ends that, and nothing of them is left", async () => {
  bench = await Bench.open();
  const script = ["truncate -s 400M big"];
  const { runId, createdAt } = await bench.submit({ id: "build", script, artifacts: artifactsOf(["big"]) });
  const folder = join(bench.stateFolder, "runs", createdAt.slice(0, 7), runId, "artifacts");
  while (!existsSync(join(folder, "files"))) await Bun.sleep(1);
  await bench.runner.cancel(runId, "me");
  expect(await bench.verdict(runId)).toMatchObject({
    status: "CANCELED",
    cause: "canceled",
    exitCode: 0,
    artifacts: 0,
  });
  expect(existsSync(folder)).toBe(false);
});

test("artifacts of a need that have expired fail the stage, and it says what to do", async () => {
  bench = await Bench.open();
  const artifacts = { ...artifactsOf(["a"]), expireSeconds: 60 };
  await bench.run({ id: "build", script: ["echo >a"], artifacts });
  bench.clock.aheadMs = 61_000;
  const verdict = await bench.run({ id: "user", needs: [need("build")] });
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "artifacts" });
  expect(verdict.reason).toMatch(/expired at .*; run that stage again, or give it a longer "expire_in"$/);
  expect((await bench.run({ id: "other", needs: [need("build", false)] })).status).toBe("SUCCESS");
});
