import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { startBinary } from "./support/binary.ts";
import { makeRepository } from "./support/commit.ts";
import { startDaemon, type Daemon } from "./support/daemon.ts";

let folder: string;
let repository: string;
let daemon: Daemon;

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-cancel-"));
  repository = await makeRepository(join(folder, "repo"), {
    ".gitfoss-ci.yml": `default: { image: ${image} }
stages:
  polite: { script: ["trap 'echo tidying up; exit 3' TERM; echo ready; while :; do usleep 50000; done"], after_script: [echo after] }
  stubborn: { script: ["trap '' TERM; echo ready; while :; do usleep 50000; done"] }
  other: { script: ["echo ready; sleep 60"] }
  next: { needs: [polite], script: [echo never] }
`,
    "late.yml": `stages:
  late:
    image: ${image}
    timeout: 1s
    script: ["(trap '' TERM; while :; do sleep 1; done) & sleep 30"]
`,
  });
  daemon = await startDaemon({ roots: [folder], config: { grace: "1" }, flags: ["--concurrency", "1"] });
});
afterAll(async () => {
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

async function cancel(runId: string): Promise<Response> {
  return daemon.request(`/run/${runId}/cancel`, { method: "POST" });
}

/** Resolves when the run has written something. */
async function ready(runId: string): Promise<void> {
  const { stageId } = await daemon.json(`/run/${runId}`);
  const answer = await daemon.request(`/stage/${String(stageId)}/logs?stream=http&runId=${runId}`);
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel();
}

test("a running stage that is canceled may tidy up", async () => {
  const runId = await daemon.trigger(repository, "polite");
  await ready(runId);
  expect((await cancel(runId)).status).toBe(200);
  expect(await daemon.final(runId)).toMatchObject({ status: "CANCELED", cause: "canceled", exitCode: 3 });
  expect(await daemon.logs(runId)).toContain("tidying up\n");
  expect(await daemon.logs(runId)).toEndWith("after\n");
});

test("one that ignores TERM is killed after the grace", async () => {
  const runId = await daemon.trigger(repository, "stubborn");
  await ready(runId);
  await cancel(runId);
  expect(await daemon.final(runId)).toMatchObject({ status: "CANCELED", cause: "canceled", exitCode: null });
});

test("one that waits is gone from the queue, and what is final stays as it is", async () => {
  const running = await daemon.trigger(repository, "other");
  const waiting = await daemon.trigger(repository, "other");
  await ready(running);
  await cancel(waiting);
  expect(await daemon.final(waiting)).toMatchObject({ status: "CANCELED", startedAt: null });
  await cancel(running);
  const before = await daemon.final(running);
  expect(before).toMatchObject({ status: "CANCELED" });
  expect((await cancel(running)).status).toBe(200);
  expect(await daemon.json(`/run/${running}`)).toEqual(before);
});

test("a run that isn't there can't be canceled", async () => {
  expect((await cancel("01a20b7f-52eb-70bc-b68c-bcd03ab9f5ee")).status).toBe(404);
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`exec ended by ${signal} cancels its stages, leaves nothing and exits ${String(code)}`, async () => {
    const home = await mkdtemp(join(folder, "tmp-"));
    const exec = await startBinary(["exec", "--grace", "1", "-j", "2"], {
      cwd: repository,
      env: { TMPDIR: home },
    });
    await exec.waitFor(/ready[^]*ready/);
    exec.kill(signal);
    expect(await exec.exited).toBe(code);
    expect(exec.stdout()).not.toContain("never");
    expect(await readdir(home)).toEqual([]);
    await expectNothingLeft();
  });
}

test("exec leaves nothing of a stage whose time is over, though a process of it ignores TERM", async () => {
  const exec = await startBinary(["exec", "late.yml", "--grace", "30"], { cwd: repository });
  expect(await exec.exited).toBe(124);
  await expectNothingLeft();
});
