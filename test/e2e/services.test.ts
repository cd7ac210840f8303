import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, labelledObjects, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary } from "./support/binary.ts";
import { makeRepository } from "./support/commit.ts";
import { startDaemon, type Daemon } from "./support/daemon.ts";

let folder: string;
let repository: string;
let daemon: Daemon;

const services = (image: string, check: string): string =>
  `services: [{ name: "${image}", alias: db, command: [sh, -c, "mkdir /www; echo from-db >/www/index.html; echo up; exec httpd -f -p 80 -h /www"], healthcheck: { test: "${check}", retries: 1000 } }]`;

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-services-"));
  const ready = "wget -q -O /dev/null http://localhost/";
  repository = await makeRepository(join(folder, "repo"), {
    ".gitfoss-ci.yml": `default: { image: "${image}" }
stages:
  reads:
    ${services(image, ready)}
    script: [sleep 1, wget -q -O- http://db/, echo run >>ran, cat ran]
  waits:
    ${services(image, "false")}
    script: [echo never]
  runs:
    ${services(image, ready)}
    script: [echo begun, sleep 60]
  fails:
    ${services(image, ready)}
    script: [exit 5]
`,
  });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  daemon = await startDaemon({ roots: [folder], config: { grace: "1" }, flags: ["--concurrency", "4"] });
});
afterEach(async () => {
  await daemon.stop();
  await expectNothingLeft();
});

test("killed at any moment, the runner goes on: each stage runs once, with its services, and nothing stays", async () => {
  const moments = [20, 150, 300, 500, 800, 1300];
  const runs: string[] = [];
  for (const moment of moments) {
    runs.push(await daemon.trigger(repository, "reads"));
    await Bun.sleep(moment);
    await daemon.end("SIGKILL");
    await daemon.restart();
  }
  for (const runId of runs) {
    expect(await daemon.final(runId)).toMatchObject({ status: "SUCCESS", cause: null });
    expect(await daemon.logs(runId)).toEndWith("\nfrom-db\nrun\n");
    expect(await serviceOf(runId)).toMatchObject({ alias: "db", state: "stopped" });
    expect(await serviceLog(runId)).toBe("up\n");
  }
});

test.each(["waits", "runs"])(
  "a cancel while a stage %s ends all of it, and leaves nothing",
  async (stage) => {
    const runId = await daemon.trigger(repository, stage);
    await until(async () => (await labelledOf(runId)).length === 3);
    expect(await serviceLogUntil(runId, "up\n")).toBe("up\n"); // there to be read while it runs
    await daemon.request(`/run/${runId}/cancel`, { method: "POST" });
    expect(await daemon.final(runId)).toMatchObject({ status: "CANCELED" });
    await until(async () => (await labelledOf(runId)).length === 0);
    expect(await serviceOf(runId)).toMatchObject({ state: "stopped" });
  },
);

test("two runners on an engine leave each other's services alone", async () => {
  const runId = await daemon.trigger(repository, "runs");
  await until(async () => (await labelledOf(runId)).length === 3);
  const other = await startDaemon({ roots: [folder] });
  const theirs = await other.trigger(repository, "reads");
  expect(await other.final(theirs)).toMatchObject({ status: "SUCCESS" });
  await other.stop();
  expect(await labelledOf(runId)).toHaveLength(3);
  expect((await serviceOf(runId))["state"]).toBe("ready");
  await daemon.request(`/run/${runId}/cancel`, { method: "POST" });
  await daemon.final(runId);
});

test("exec shows what the services of a failed stage wrote last, for it keeps nothing", async () => {
  const copy = join(folder, "copy");
  await cp(repository, copy, { recursive: true });
  const { exitCode, stderr } = await runBinary(["exec", ".gitfoss-ci.yml", "fails"], { cwd: copy });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("\nservice db wrote last:\n  | up\n");
});

function labelledOf(runId: string): Promise<readonly string[]> {
  return labelledObjects().then((all) => all.filter((name) => name.includes(runId)));
}

async function serviceOf(runId: string): Promise<Record<string, unknown>> {
  const { services: list } = await daemon.json(`/run/${runId}/services`);
  if (!Array.isArray(list)) throw new Error("no list of services");
  return list[0];
}

async function serviceLog(runId: string): Promise<string> {
  return (await daemon.request(`/run/${runId}/services/db/logs`)).text();
}

async function serviceLogUntil(runId: string, wanted: string): Promise<string> {
  await until(async () => (await serviceLog(runId)) === wanted);
  return serviceLog(runId);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it never came true");
    await Bun.sleep(50);
  }
}
