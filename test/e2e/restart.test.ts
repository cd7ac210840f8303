import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { makeRepository } from "./support/commit.ts";
import { startDaemon, type Daemon } from "./support/daemon.ts";

let folder: string;
let repository: string;
let daemon: Daemon;

const count = 300;
const expected = Array.from({ length: count }, (_, i) => `line ${String(i)}\n`).join("");

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-restart-"));
  repository = await makeRepository(join(folder, "repo"), {
    ".gitfoss-ci.yml": `default: { image: ${image} }
stages:
  count:
    script:
      - "i=0; while [ $i -lt ${String(count)} ]; do echo line $i; i=$((i+1)); usleep 5000; done"
      - "echo run >>ran; wc -l <ran"
    artifacts: { paths: [ran] }
  wait: { script: ["echo waiting", "sleep 60"] }
  quick: { script: [echo quick] }
`,
  });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  daemon = await startDaemon({ roots: [folder], config: { grace: "1" }, flags: ["--concurrency", "2"] });
});
afterEach(async () => {
  await daemon.stop();
  await expectNothingLeft();
});

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  describe(`a runner ended by ${signal} while a stage runs`, () => {
    test("is followed by one that adopts the stage: no line lost, none doubled, run once", async () => {
      const runId = await daemon.trigger(repository, "count");
      await firstLine("count");
      await daemon.end(signal);
      await daemon.restart();
      const run = await daemon.final(runId);
      expect(run).toMatchObject({ status: "SUCCESS", exitCode: 0, cause: null });
      expect(await daemon.logs(runId)).toBe(`${expected}1\nartifacts: kept 1 (4 B)\n`);
      expect(run["steps"]).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
    });

    test("is followed by one that tells how a stage ended that nobody watched", async () => {
      const runId = await daemon.trigger(repository, "count");
      await firstLine("count");
      await daemon.end(signal);
      await containerGone(runId);
      await daemon.restart();
      expect(await daemon.final(runId)).toMatchObject({ status: "SUCCESS", exitCode: 0 });
      expect(await daemon.logs(runId)).toBe(`${expected}1\nartifacts: kept 1 (4 B)\n`);
    });

    test("is followed by one that runs what was waiting, in order", async () => {
      const running = [await daemon.trigger(repository, "wait"), await daemon.trigger(repository, "wait")];
      const waiting = [await daemon.trigger(repository, "quick"), await daemon.trigger(repository, "quick")];
      await firstLine("wait");
      await daemon.end(signal);
      await daemon.restart();
      for (const runId of waiting) {
        expect(await daemon.json(`/run/${runId}`)).toMatchObject({ status: "PENDING" });
      }
      for (const runId of running) await daemon.request(`/run/${runId}/cancel`, { method: "POST" });
      for (const runId of running)
        expect(await daemon.final(runId)).toMatchObject({ status: "CANCELED", cause: "canceled" });
      for (const runId of waiting) expect(await daemon.final(runId)).toMatchObject({ status: "SUCCESS" });
    });
  });
}

test("a run whose container was removed while the runner was away failed, with the engine as its cause", async () => {
  const runId = await daemon.trigger(repository, "wait");
  await firstLine("wait");
  await daemon.end("SIGKILL");
  await docker("rm", "--force", `gitfoss-${runId}`);
  await daemon.restart();
  expect(await daemon.final(runId)).toMatchObject({ status: "FAILURE", cause: "engine" });
});

test("a torn last line of every journal is no loss", async () => {
  const runId = await daemon.trigger(repository, "quick");
  await daemon.final(runId);
  await daemon.end("SIGKILL");
  const journal = [...new Bun.Glob(`runs/*/${runId}/*.ndjson`).scanSync(daemon.state), "index.ndjson"];
  expect(journal.length).toBe(3);
  for (const file of journal) {
    const path = join(daemon.state, file);
    await Bun.write(path, `${await Bun.file(path).text()}{"torn":`);
  }
  await daemon.restart();
  expect(await daemon.json(`/run/${runId}`)).toMatchObject({ status: "SUCCESS" });
  expect(await daemon.logs(runId)).toBe("quick\n");
});

test("a second daemon on the same folder is refused, and names the first", async () => {
  const { runBinary } = await import("./support/binary.ts");
  const env = { GITFOSS_RUNNER_STATE_DIR: daemon.state };
  const second = await runBinary(["run", "--listen", "127.0.0.1:0"], { env });
  expect(second.exitCode).toBe(75);
  expect(second.stderr).toContain(String(daemon.process().pid));
});

test("QUIT waits for what runs and takes no more", async () => {
  const runId = await daemon.trigger(repository, "count");
  await firstLine("count");
  daemon.process().kill("SIGQUIT");
  await daemon.process().waitFor(/no more triggers/);
  const refused = await daemon.request("/trigger", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      pipelineId: "p",
      orgId: "o",
      repoId: "r",
      gitRepoDir: repository,
      stageId: "quick",
    }),
  });
  expect(refused.status).toBe(503);
  expect(await daemon.process().exited).toBe(0);
  await daemon.restart();
  expect(await daemon.json(`/run/${runId}`)).toMatchObject({ status: "SUCCESS" });
});

/** Resolves when the newest run of the stage has written something. */
async function firstLine(stageId: string): Promise<void> {
  const answer = await daemon.request(`/stage/${stageId}/logs?stream=http`);
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel();
}

async function containerGone(runId: string): Promise<void> {
  for (;;) {
    const state = await docker("inspect", "--format", "{{.State.Running}}", `gitfoss-${runId}`);
    if (state === "false") return;
    await Bun.sleep(50);
  }
}
