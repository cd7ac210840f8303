import { afterAll, beforeAll, expect, test } from "bun:test";
import { $ } from "bun";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/shared/clock.ts";
import { Cache } from "../../../src/store/cache/cache.ts";

const main = new URL("../../../src/main.ts", import.meta.url).pathname;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "gitfoss-cache-cli-"));
  const workspace = join(folder, "workspace");
  mkdirSync(workspace);
  writeFileSync(join(workspace, "file"), "x");
  const saver = { pipelineId: "p1", stageId: "build", runId: "r" };
  const paths = ["file"];
  for (const [state, orgId, scope] of [
    ["state", "acme", "main"],
    ["state/exec", "local", ""],
  ] as const) {
    const cache = new Cache({ folder: join(folder, state), durable: false, clock: systemClock });
    const identity = { orgId, repoId: "app/x", scope, key: "a\u001b[31mkey", paths };
    await cache.save({ identity, saver, workspace, mostBytes: 1e9 }, new AbortController().signal);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...words: readonly string[]) {
  const state = join(folder, "state");
  const env = { ...process.env, GITFOSS_RUNNER_STATE_DIR: state };
  const { stdout, stderr, exitCode } = await $`${process.execPath} ${main} cache ${words}`
    .env(env)
    .nothrow()
    .quiet();
  return { out: stdout.toString(), err: stderr.toString(), exitCode };
}

test("cache list shows what daemon and exec have cached, without what deceives a terminal", async () => {
  const { out, err, exitCode } = await run("list");
  expect([exitCode, out.trim().split("\n").length]).toEqual([0, 2]);
  expect(out).toMatch(/B {2}acme\/app\/x {2}build {2}main {2}/);
  expect(out).toMatch(/B {2}local\/app\/x {2}build {2}- {2}/);
  expect(out).not.toContain("\u001b");
  expect(err).toStartWith("2 entries, ");
});

test("cache list --json is one object", async () => {
  const value: unknown = JSON.parse((await run("list", "--json")).out);
  expect(value).toMatchObject({
    entries: [
      { pipelineId: "p1", stageId: "build", paths: ["file"], files: 1, bytes: expect.any(Number) },
      {},
    ],
  });
});

test("cache reset takes what its flags name, then all", async () => {
  expect((await run("reset", "--stage", "other")).err).toBe("removed 0 entries, 0 B\n");
  expect((await run("reset", "--repo", "nobody")).exitCode).toBe(64);
  expect((await run("reset", "--repo", "acme/app/x", "--pipeline", "p1")).err).toStartWith(
    "removed 1 entry, ",
  );
  expect((await run("reset")).err).toStartWith("removed 1 entry, ");
  expect((await run("list")).out).toBe("");
});
