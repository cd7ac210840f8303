import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { startRegistry, type Registry } from "../support/registry.ts";
import { runBinary, startBinary } from "./support/binary.ts";
import { makeRepository } from "./support/commit.ts";
import { startDaemon, type Daemon } from "./support/daemon.ts";
import { startStalledServer, type StalledServer } from "./support/stalled.ts";

/* Images that must be pulled, from a registry of our own. */

let folder: string;
let registry: Registry;
let stalled: StalledServer;
let daemon: Daemon;
let published: string;

/** How soon an end that was asked for must have come. */
const soonMs = 2000;

beforeAll(async () => {
  await requireEngine();
  registry = await startRegistry(await requireImages("busybox"));
  stalled = startStalledServer();
  published = await registry.publish("hello:1", 3_000_000);
  folder = await mkdtemp(join(tmpdir(), "gitfoss-pull-"));
  daemon = await startDaemon({ roots: [folder] });
});
afterAll(async () => {
  await daemon.stop();
  await registry.stop();
  stalled.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

/** A repository of its own for these stages. */
async function repositoryOf(stages: string): Promise<string> {
  const place = await mkdtemp(join(folder, "repo-"));
  return makeRepository(place, { ".gitfoss-ci.yml": `stages:\n${stages}` });
}

/** What the daemon's containers are labelled with. */
async function runnerIdOf({ state }: Daemon): Promise<string> {
  const id = /"id": *"([^"]+)"/.exec(await Bun.file(join(state, "config.json")).text())?.[1];
  if (id === undefined) throw new Error("the daemon isn't registered");
  return id;
}

async function forget(image: string): Promise<void> {
  await docker("rmi", "--force", image);
}

test("a pull is told of in the stage's log, by the runner", async () => {
  const repository = await repositoryOf(`  a: { image: "${published}", script: [echo ran] }\n`);
  const done = await runBinary(["exec", "--progress", "json"], { cwd: repository });
  expect(done).toMatchObject({ exitCode: 0, stderr: "" });
  const lines = done.stdout
    .split("\n")
    .filter((line) => line.includes('"type":"log"'))
    .map((line): unknown => JSON.parse(line));
  expect(lines).toMatchObject([
    { stream: "runner", step: 0, text: `pulling image ${published}` },
    { stream: "runner", step: 0, text: expect.stringMatching(/^pulled image \S+ in \d+\.\d s$/) },
    { stream: "stdout", step: 1, text: "ran" },
  ]);
  expect(done.stdout).toMatch(/"pullSeconds":0\.0*[1-9]/);
  await forget(published);
});

test("stages that want the same image at the same time pull it once", async () => {
  const stage = `{ image: "${published}", script: [echo ran] }`;
  const repository = await repositoryOf(`  a: ${stage}\n  b: ${stage}\n  c: ${stage}\n`);
  const before = registry.pulls("hello:1");
  const done = await runBinary(["exec", "-j", "3"], { cwd: repository });
  expect(done).toMatchObject({ exitCode: 0 });
  expect(registry.pulls("hello:1") - before).toBe(1);
  for (const id of ["a", "b", "c"]) expect(done.stderr).toContain(`[${id}] pulled image ${published} in `);
});

test("an image that is present is pulled only when the manifest or the user says always", async () => {
  const repository = await repositoryOf(`  a: { image: "${published}", script: [echo ran] }
  b: { image: { name: "${published}", pull_policy: always }, script: [echo ran] }
`);
  const pullsOf = async (...args: readonly string[]): Promise<number> => {
    const before = registry.pulls("hello:1");
    expect(await runBinary(["exec", ...args], { cwd: repository })).toMatchObject({ exitCode: 0 });
    return registry.pulls("hello:1") - before;
  };
  expect(await pullsOf("a")).toBe(0);
  expect(await pullsOf("b")).toBe(1);
  expect(await pullsOf("--pull", "a")).toBe(1);
  await forget(published);
});

test("with pull_policy never an image that isn't present is missing", async () => {
  const image = `{ name: "${published}", pull_policy: never }`;
  const repository = await repositoryOf(`  a: { image: ${image}, script: [echo ran] }\n`);
  const before = registry.pulls("hello:1");
  const run = await daemon.final(await daemon.trigger(repository, "a"));
  expect(run).toMatchObject({ status: "FAILURE", cause: "image", exitCode: null });
  expect(run["reason"]).toBe(`image "${published}" isn't on this machine, and its pull_policy is never`);
  expect(registry.pulls("hello:1")).toBe(before);
});

for (const [what, image, reason] of [
  [
    "an image that the registry doesn't have",
    () => `${registry.address}/nothing:1`,
    /manifest .*unknown|not found/,
  ],
  ["a tag that it doesn't have", () => `${registry.address}/hello:2`, /manifest .*unknown|not found/],
  ["a registry that isn't there", () => "127.0.0.1:1/hello:1", /connection refused/],
] as const) {
  test(`${what} is a failure of the image, and named`, async () => {
    const repository = await repositoryOf(`  a: { image: "${image()}", script: [echo ran] }\n`);
    const run = await daemon.final(await daemon.trigger(repository, "a"));
    expect(run).toMatchObject({ status: "FAILURE", cause: "image", exitCode: null });
    expect(run["reason"]).toStartWith(`can't pull image "${image()}": `);
    expect(run["reason"]).toMatch(reason);
    expect(run["reason"]).not.toMatch(/HTTP code|\n|json/);
  });
}

for (const name of ["Not/An//Image:::", "HELLO", "a b"]) {
  test(`${name} is refused before anything is accepted`, async () => {
    const repository = await repositoryOf(`  a: { image: { name: "${name}" }, script: [echo ran] }\n`);
    const refused = daemon.trigger(repository, "a");
    expect(refused).rejects.toThrow(/: 422 .*an image's name (is in lower case|has no blanks)/);
    await refused.catch(() => {});
  });
}

for (const name of ["../../containers/json", "hello:1:2"]) {
  test(`${name} is no image's name, and asks the engine for nothing`, async () => {
    const repository = await repositoryOf(`  a: { image: { name: "${name}" }, script: [echo ran] }\n`);
    const run = await daemon.final(await daemon.trigger(repository, "a"));
    expect(run).toMatchObject({ status: "FAILURE", cause: "image", exitCode: null });
    expect(run["reason"]).toStartWith(`"${name}" is no image's name; `);
  });
}

test("a canceled run doesn't wait for its pull, nor end it for others", async () => {
  const repository = await repositoryOf(
    `  a: { image: "${stalled.address}/one:1", script: [echo ran] }\n  b: { image: "${stalled.address}/one:1", script: [echo ran] }\n`,
  );
  const [first, second] = [await daemon.trigger(repository, "a"), await daemon.trigger(repository, "b")];
  await stalled.asked();
  const began = performance.now();
  await daemon.request(`/run/${first}/cancel`, { method: "POST" });
  expect(await daemon.final(first)).toMatchObject({ status: "CANCELED", cause: "canceled", exitCode: null });
  expect(stalled.waiting()).toBeGreaterThan(0);
  await daemon.request(`/run/${second}/cancel`, { method: "POST" });
  expect(await daemon.final(second)).toMatchObject({ status: "CANCELED", cause: "canceled" });
  expect(performance.now() - began).toBeLessThan(soonMs);
  await expectNothingLeft(await runnerIdOf(daemon));
});

test("a stage's timeout counts for its pull", async () => {
  const repository = await repositoryOf(
    `  a: { image: "${stalled.address}/two:1", timeout: 1s, script: [echo ran] }\n`,
  );
  const began = performance.now();
  const run = await daemon.final(await daemon.trigger(repository, "a"));
  expect(run).toMatchObject({ status: "FAILURE", cause: "timeout", exitCode: null });
  expect(performance.now() - began).toBeLessThan(1000 + soonMs);
  await expectNothingLeft(await runnerIdOf(daemon));
});

test("exec ended while it pulls is gone at once", async () => {
  const repository = await repositoryOf(`  a: { image: "${stalled.address}/three:1", script: [echo ran] }\n`);
  const exec = await startBinary(["exec"], { cwd: repository });
  await exec.waitFor(/pulling image/);
  const began = performance.now();
  exec.kill("SIGINT");
  expect(await exec.exited).toBe(130);
  expect(performance.now() - began).toBeLessThan(soonMs);
});
