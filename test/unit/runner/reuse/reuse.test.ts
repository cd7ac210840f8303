import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { RunRequest, Verdict } from "../../../../src/events/event.ts";
import type { RunState } from "../../../../src/events/run-state.ts";
import type { ServicePlan } from "../../../../src/plan/plan.ts";
import type { Source } from "../../../../src/source/source.ts";
import { readInputs } from "../../../../src/source/inputs.ts";
import { createRepository, type TestRepository } from "../../../support/repository.ts";
import { Bench, need, planOf, type Stage } from "../bench.ts";

let bench: Bench;
let repository: TestRepository;
let pipelines = 0;
beforeEach(async () => {
  bench = await Bench.open();
  repository = await createRepository({ files: { "src/a.c": "a\n", "docs/b.md": "b\n" } });
});
afterEach(async () => {
  await bench.close();
  await repository.remove();
});

const build: Stage = {
  id: "build",
  inputs: ["src/**"],
  script: ["cat src/a.c; mkdir -p out; cp src/a.c out/; chmod +x out/a.c"],
  artifacts: { paths: ["out/"], exclude: [], when: "on_success" },
};

const service: ServicePlan = {
  image: { name: "db", pullPolicy: "never" },
  alias: "db",
  command: ["sleep", "600"],
  variables: {},
};

function sourceAt(ref = "HEAD"): Source {
  const sha = repository.git("rev-parse", ref);
  return { kind: "repository", gitDir: repository.gitDir, commit: { sha, ref: "main", message: "m" } };
}

/** In a pipeline of its own, unless `more` says which. */
async function submit(stage: Stage = build, more: Partial<RunRequest> = {}): Promise<RunState> {
  return bench.submit(stage, { source: sourceAt(), pipelineId: `p${String(++pipelines)}`, ...more });
}

async function run(stage: Stage = build, more: Partial<RunRequest> = {}): Promise<Verdict> {
  return bench.verdict((await submit(stage, more)).runId);
}

async function status(stage: Stage = build, more: Partial<RunRequest> = {}): Promise<string> {
  return (await run(stage, more)).status;
}

async function commit(files: Readonly<Record<string, string>>): Promise<void> {
  await repository.write(files);
  repository.git("add", "--all");
  repository.git("commit", "-q", "-m", "next");
}

function entries(): readonly string[] {
  const folder = join(bench.stateFolder, "reuse", "o1", "r1", "build");
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

describe("a stage with inputs", () => {
  test("is passed over when nothing has changed, with the artifacts of the run that it stands for", async () => {
    const first = await submit();
    expect(await bench.verdict(first.runId)).toMatchObject({ status: "SUCCESS", artifacts: 1 });
    const created = bench.engine.count("create");
    await commit({ "docs/b.md": "other\n" });
    const second = await submit();
    const verdict = await bench.verdict(second.runId);
    const finishedAt = (await bench.store.load(first.runId))?.finishedAt;
    expect(verdict).toMatchObject({
      status: "PASSED",
      cause: null,
      exitCode: null,
      artifacts: 1,
      standsFor: { runId: first.runId, pipelineId: first.request.pipelineId, finishedAt },
    });
    expect(verdict.reason).toContain(`run ${first.runId} of pipeline ${first.request.pipelineId}`);
    expect(await bench.log(second.runId)).toEqual([`# ${verdict.reason}`]);
    expect(bench.store.runArtifacts.sealed(second.runId)).toEqual([
      ...bench.store.runArtifacts.sealed(first.runId),
    ]);
    expect(bench.engine.count("create")).toBe(created);
    expect(bench.engine.count("pull")).toBe(1);
    expect(bench.leftovers()).toEqual([]);
  });

  test("runs when one of its inputs has changed, and says so", async () => {
    await run();
    await commit({ "src/a.c": "other\n" });
    const second = await submit();
    expect((await bench.verdict(second.runId)).status).toBe("SUCCESS");
    expect(await bench.log(second.runId)).toContain("# inputs: it runs, since its input files changed");
    chmodSync(join(repository.folder, "src/a.c"), 0o755);
    await commit({});
    expect(await status()).toBe("SUCCESS");
    expect(await status()).toBe("PASSED");
    repository.git("checkout", "-q", "HEAD~1");
    expect(await status()).toBe("PASSED");
  });

  const changes: readonly (readonly [string, Partial<Stage>, Partial<RunRequest>, string])[] = [
    ["its script", { script: ["mkdir out; echo >out/x"] }, {}, "definition"],
    ["its image", { image: { name: "other", pullPolicy: "if_not_present" } }, {}, "image"],
    ["a variable of the manifest", { variables: { A: "2" } }, {}, "variables"],
    ["a variable of the trigger", {}, { variables: { A: "2" } }, "variables"],
    ["the codes that are a success", { successExit: [0, 1] }, {}, "definition"],
    ["a service", { services: [service] }, {}, "definition and its image"],
    [
      "what is kept of it",
      { artifacts: { paths: ["out/", "x"], exclude: [], when: "on_success" } },
      {},
      "definition",
    ],
    ["how much of the history it sees", { gitDepth: 2 }, {}, "definition"],
    ["which files are its inputs", { inputs: ["src/a.c"] }, {}, "files and its definition"],
  ];
  test.each(changes)("runs when %s changed", async (_what, stage, more, why) => {
    await run();
    const second = await submit({ ...build, ...stage }, more);
    expect((await bench.verdict(second.runId)).status).toBe("SUCCESS");
    const told = (await bench.log(second.runId)).find((line) => line.startsWith("# inputs: it runs"));
    expect(told).toContain(why.split(" ")[0] ?? "");
    expect(await status({ ...build, ...stage }, more)).toBe("PASSED");
    expect(await status()).toBe("PASSED");
  });

  const noChanges: readonly (readonly [string, Partial<Stage>])[] = [
    ["its timeout", { timeoutSeconds: 5 }],
    ["whether its failure is allowed", { allowFailure: true }],
    ["when it runs", { when: "always" }],
    ["how often it's tried", { retry: { max: 2 } }],
    ["its concurrency", { concurrency: { group: "g", limit: 1, cancelInProgress: false } }],
    [
      "how long its artifacts are kept",
      { artifacts: { paths: ["out/"], exclude: [], when: "on_success", expireSeconds: 60 } },
    ],
    ["the name of the same image's policy", { image: { name: "alpine", pullPolicy: "never" } }],
  ];
  test.each(noChanges)("is passed over although %s changed", async (_what, stage) => {
    await run();
    expect(await status({ ...build, ...stage })).toBe("PASSED");
  });

  test("what a run is called doesn't count, unless the definition refers to it by name", async () => {
    const stamped: Stage = { ...build, variables: { VERSION: "1-${CI_COMMIT_SHA}" } };
    await run();
    await run(stamped);
    await commit({ "docs/b.md": "other\n" });
    expect(await status()).toBe("PASSED");
    expect(await status(stamped)).toBe("SUCCESS");
    expect(await status(stamped)).toBe("PASSED");
  });

  test("runs with reuse: false, and its success is the one that later runs stand for", async () => {
    await run();
    const forced = await submit(build, { reuse: false });
    expect((await bench.verdict(forced.runId)).status).toBe("SUCCESS");
    expect(await run()).toMatchObject({ status: "PASSED", standsFor: { runId: forced.runId } });
  });

  test("with secrets, which may have changed, it always runs", async () => {
    const secret: Stage = {
      ...build,
      secrets: [{ variable: "KEY", name: "KEY", file: false, optional: true }],
    };
    expect([await status(secret), await status(secret)]).toEqual(["SUCCESS", "SUCCESS"]);
    await bench.runner.idle();
    expect(entries()).toEqual([]);
  });

  test("never stands on a failure, nor on what another repository or stage did", async () => {
    const failing = { ...build, script: ["exit 1"] };
    expect(await status(failing)).toBe("FAILURE");
    expect(await status(failing)).toBe("FAILURE");
    await run();
    for (const more of [{ repoId: "r2" }, { orgId: "o2" }]) expect(await status(build, more)).toBe("SUCCESS");
    expect(await status({ ...build, id: "other" })).toBe("SUCCESS");
  });

  test("a glob that fits nothing is told; when none fits anything, it always runs", async () => {
    const partly = { ...build, inputs: ["src/**", "scr/**"] };
    const first = await submit(partly);
    await bench.verdict(first.runId);
    expect(await bench.log(first.runId)).toContain("# inputs: no tracked file matches scr/**");
    const second = await submit(partly);
    const verdict = await bench.verdict(second.runId);
    expect(await bench.log(second.runId)).toEqual([
      "# inputs: no tracked file matches scr/**",
      `# ${verdict.reason}`,
    ]);
    const nothing = { ...build, inputs: ["scr/**", "../x", "/etc"] };
    expect([await status(nothing), await status(nothing)]).toEqual(["SUCCESS", "SUCCESS"]);
  });

  test("an entry that is gone serves nobody", async () => {
    const { runId, request } = await submit();
    await bench.verdict(runId);
    expect(bench.store.standIns.serve(request, "0".repeat(40), { runId })).rejects.toMatchObject({
      code: "artifacts_invalid",
    });
  });

  test("an image that has to be asked for at a registry runs", async () => {
    const always: Stage = { ...build, image: { name: "alpine", pullPolicy: "always" } };
    expect([await status(always), await status(always)]).toEqual(["SUCCESS", "SUCCESS"]);
    await run();
    expect(await status({ ...build, image: { name: "missing", pullPolicy: "never" } })).toBe("FAILURE");
  });

  test("without a slot it's passed over all the same, and one that was looked up before is looked up again", async () => {
    await run();
    bench.settings.concurrency = 1;
    const held = bench.hold();
    const slow: Stage = { ...build, id: "slow", script: [`${held.command}; mkdir out; echo >out/x`] };
    const first = await submit(slow);
    await bench.until(first.runId, ({ status: now }) => now === "RUNNING");
    const twin = await submit(slow);
    expect(await status()).toBe("PASSED");
    held.release();
    expect((await bench.verdict(first.runId)).status).toBe("SUCCESS");
    expect(await bench.verdict(twin.runId)).toMatchObject({
      status: "PASSED",
      standsFor: { runId: first.runId },
    });
  });

  test("waits while the engine is away", async () => {
    await run();
    bench.engine.away = true;
    const second = await submit();
    await Bun.sleep(30);
    expect(await bench.store.load(second.runId)).toMatchObject({ status: "PENDING" });
    bench.engine.away = false;
    expect((await bench.verdict(second.runId)).status).toBe("PASSED");
  });

  test("a repository that is gone is the checkout's to tell", async () => {
    const source: Source = {
      kind: "repository",
      gitDir: "/nowhere",
      commit: { sha: "a".repeat(40), ref: "main", message: "" },
    };
    expect(await run(build, { source })).toMatchObject({ status: "FAILURE", cause: "checkout" });
  });
});

describe("needs", () => {
  const test1: Stage = {
    id: "test",
    inputs: ["docs/**"],
    needs: [need("build")],
    script: ["cat out/a.c", "test -x out/a.c"],
  };

  test("a stage that was passed over for a success is one to those that need it, and hands its artifacts on", async () => {
    await run(build, { pipelineId: "one" });
    await run(build, { pipelineId: "two" });
    const user = await submit({ ...test1, inputs: ["none"] }, { pipelineId: "two" });
    expect((await bench.verdict(user.runId)).status).toBe("SUCCESS");
    expect(await bench.log(user.runId)).toContain("a");
    const broken: Stage = { ...build, id: "after", needs: [need("failed")], when: "always" };
    await run({ id: "failed", script: ["exit 1"] }, { pipelineId: "three" });
    await run(broken, { pipelineId: "three" });
    await run({ id: "failed", script: ["exit 1"] }, { pipelineId: "four" });
    expect(await run(broken, { pipelineId: "four" })).toMatchObject({ status: "PASSED" });
    const last: Stage = { id: "last", needs: [need("after")] };
    expect(await status(last, { pipelineId: "four" })).toBe("SUCCESS");
  });

  test("the artifacts that it gets are inputs, by their contents", async () => {
    for (const pipelineId of ["one", "two"]) await run(build, { pipelineId });
    expect(await status(test1, { pipelineId: "one" })).toBe("SUCCESS");
    expect(await status(test1, { pipelineId: "two" })).toBe("PASSED");
    await commit({ "src/a.c": "other\n" });
    await run(build, { pipelineId: "three" });
    const third = await submit(test1, { pipelineId: "three" });
    expect((await bench.verdict(third.runId)).status).toBe("SUCCESS");
    expect(await bench.log(third.runId)).toContain(
      "# inputs: it runs, since the artifacts that it gets changed",
    );
    const without: Stage = { ...test1, needs: [need("build", false)], script: ["true"] };
    expect(await status(without, { pipelineId: "one" })).toBe("SUCCESS");
    expect(await status(without, { pipelineId: "three" })).toBe("PASSED");
  });
});

describe("what a run stands on", () => {
  test("may lose any of its files: then it runs", async () => {
    const first = await submit();
    await bench.verdict(first.runId);
    const artifacts = join(bench.stateFolder, "runs", first.createdAt.slice(0, 7), first.runId, "artifacts");
    const [file = ""] = readdirSync(join(artifacts, "files"));
    truncateSync(join(artifacts, "files", file), 1);
    const published = async (): Promise<string> => {
      const ended = await status();
      await bench.runner.idle();
      return ended;
    };
    expect(await published()).toBe("SUCCESS");
    const [entry = ""] = entries();
    for (const damage of ["", "{", "{}", "[]", "null", "x".repeat(1000)]) {
      writeFileSync(join(entry, "entry.json"), damage);
      expect(await published()).toBe("SUCCESS");
    }
    rmSync(entry, { recursive: true });
    writeFileSync(entry, "a file in its place");
    expect(await published()).toBe("SUCCESS");
    expect(await status()).toBe("PASSED");
    expect(entries()).toHaveLength(1);
  });

  test("outlives the run that it was", async () => {
    const first = await submit();
    await bench.verdict(first.runId);
    expect(await status()).toBe("PASSED");
    rmSync(join(bench.stateFolder, "runs", first.createdAt.slice(0, 7), first.runId), { recursive: true });
    const third = await submit();
    expect(await bench.verdict(third.runId)).toMatchObject({
      status: "PASSED",
      artifacts: 1,
      standsFor: { runId: first.runId },
    });
    expect(bench.store.runArtifacts.sealed(third.runId)).toHaveLength(1);
  });

  test("is found by the next process, and holds no secret that could be tried out", async () => {
    await run(build, { variables: { TOKEN: "hunter2-of-the-trigger" } });
    await bench.restart();
    expect(await status(build, { variables: { TOKEN: "hunter2-of-the-trigger" } })).toBe("PASSED");
    const folder = join(bench.stateFolder, "reuse");
    const texts = readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, "utf8"));
    expect(texts.join("")).not.toContain("hunter2");
    expect(statSync(join(folder, ".key")).mode & 0o777).toBe(0o600);
    rmSync(join(folder, ".key"));
    await bench.restart();
    expect(await status(build, { variables: { TOKEN: "hunter2-of-the-trigger" } })).toBe("SUCCESS");
  });

  test("leaves nothing behind in a run that a crash kept from its verdict", async () => {
    await run();
    await bench.runner.idle();
    const [entry = ""] = entries();
    await bench.leave();
    const failing: Stage = { ...build, script: ["exit 1"] };
    const second = await bench.store.accept(
      Bun.randomUUIDv7(),
      bench.request("build", { source: sourceAt() }),
      planOf(failing),
    );
    expect(await bench.store.standIns.serve(second.request, basename(entry), second)).toBe(1);
    mkdirSync(join(dirname(entry), ".tmp-0123"));
    await bench.restart();
    expect((await bench.verdict(second.runId)).status).toBe("FAILURE");
    expect(bench.store.runArtifacts.sealed(second.runId)).toEqual([]);
    expect(await status()).toBe("PASSED");
  });

  test("is forgotten by a reset of the stage, of the pipeline, or of all", async () => {
    await run(build, { pipelineId: "one" });
    await run({ ...build, id: "other" }, { pipelineId: "one" });
    expect((await bench.store.resetCache({ stageId: "none" })).cleared).toBe(0);
    expect((await bench.store.resetCache({ stageId: "build", pipelineId: "two" })).cleared).toBe(0);
    expect((await bench.store.resetCache({ stageId: "build" })).cleared).toBe(1);
    expect(await status()).toBe("SUCCESS");
    expect(await status({ ...build, id: "other" })).toBe("PASSED");
    expect((await bench.store.resetCache({ pipelineId: "one" })).cleared).toBe(1);
    const { cleared, bytes } = await bench.store.resetCache({});
    expect(cleared).toBe(1);
    expect(bytes).toBeGreaterThan(100);
  });

  test("is one of few: of many states of a stage the least recently used go", async () => {
    const trivial: Stage = { id: "build", inputs: ["src/**"], script: [":"] };
    for (let round = 0; round < 40; round += 1) await run(trivial, { variables: { ROUND: String(round) } });
    expect(entries().length).toBeLessThanOrEqual(32);
    expect(await status(trivial, { variables: { ROUND: "39" } })).toBe("PASSED");
    expect(await status(trivial, { variables: { ROUND: "0" } })).toBe("SUCCESS");
  });

  test("a need that was run again meanwhile leaves it in doubt", async () => {
    const held = bench.hold();
    const user: Stage = { id: "user", inputs: ["docs/**"], needs: [need("build")], script: [held.command] };
    await run(build, { pipelineId: "one" });
    const slow = await submit(user, { pipelineId: "one" });
    await bench.until(slow.runId, ({ handle }) => handle !== null);
    await run({ ...build, script: ["mkdir out; echo other >out/a.c"] }, { pipelineId: "one" });
    held.release();
    expect((await bench.verdict(slow.runId)).status).toBe("SUCCESS");
    await bench.runner.idle();
    expect(existsSync(join(bench.stateFolder, "reuse", "o1", "r1", "user"))).toBe(false);
  });
});

describe("a working tree", () => {
  async function ofTree(stage: Stage): Promise<Partial<RunRequest>> {
    const source: Source = { kind: "tree", folder: repository.folder };
    const never = new AbortController().signal;
    return { source, inputs: await (await readInputs(source, never)).of(stage.inputs ?? [], never) };
  }

  test("stands on what was taken before it ran, unless it was edited meanwhile", async () => {
    expect(await status(build, await ofTree(build))).toBe("SUCCESS");
    expect(await status(build, await ofTree(build))).toBe("PASSED");
    await repository.write({ "src/a.c": "edited\n" });
    const edited = await ofTree(build);
    await repository.write({ "src/a.c": "edited again\n" });
    expect(await status(build, edited)).toBe("SUCCESS");
    await bench.runner.idle();
    await repository.write({ "src/a.c": "edited\n" });
    expect(await status(build, edited)).toBe("SUCCESS");
    expect(await status(build, edited)).toBe("PASSED");
  });

  test("of which nothing was taken always runs", async () => {
    const source: Source = { kind: "tree", folder: repository.folder };
    expect([await status(build, { source }), await status(build, { source })]).toEqual([
      "SUCCESS",
      "SUCCESS",
    ]);
  });
});
