import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBinary } from "../e2e/support/binary.ts";
import { isObject } from "../e2e/support/daemon.ts";
import { docker, expectNothingLeft, requireEngine } from "../support/engine.ts";

/*
 * The examples, as their READMEs say: the image made of Debian's packages, the projects' sources fetched, every stage run.
 * Needs the network for both.
 */

const image = "gitfoss-example/debian:1";
const root = join(import.meta.dir, "../..");

let folder: string;
beforeAll(async () => {
  await requireEngine();
  folder = await mkdtemp(join(tmpdir(), "gitfoss-examples-"));
  if ((await docker("images", "--quiet", image)) === "") await script("example-image", image);
}, 600_000);
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

/** Of each stage how it ended. */
async function run(example: string): Promise<ReadonlyMap<string, Record<string, unknown>>> {
  const place = join(folder, example);
  await script("example", example, place);
  const words = ["exec", "--progress", "json", "--artifacts", join(folder, `${example}.artifacts`)];
  const env = { GITFOSS_RUNNER_STATE_DIR: join(folder, "state") };
  const { stdout, stderr, exitCode } = await runBinary(words, { cwd: place, env, timeoutMs: 500_000 });
  expect({ exitCode, stderr, end: exitCode === 0 ? "" : stdout.slice(-3000) }).toMatchObject({ exitCode: 0 });
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line))
    .filter(isObject);
  const finished = events.filter(({ type }) => type === "finished");
  return new Map(finished.map((event) => [String(event["stageId"]), event]));
}

async function script(name: string, ...args: readonly string[]): Promise<void> {
  const child = Bun.spawn([join(root, "scripts", name), ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, code] = await Promise.all([child.stderr.text(), child.exited, child.stdout.text()]);
  if (code !== 0) throw new Error(`scripts/${name} ${args.join(" ")}: exit code ${code}: ${said.trim()}`);
}

test("a C program with autotools is built, tested, and tried by another stage", async () => {
  const stages = await run("c-program");
  expect(stages.get("build")).toMatchObject({ status: "SUCCESS", artifacts: 1 });
  expect(stages.get("smoke")).toMatchObject({ status: "SUCCESS", artifacts: 0 });
});

test("a Node library's own tests pass, and are counted", async () => {
  const stages = await run("node-library");
  expect(stages.get("test")).toMatchObject({
    status: "SUCCESS",
    tests: { total: 15, passed: 15, failed: 0, errors: 0, complete: true },
  });
});

test("a Python package's own tests pass against a PostgreSQL beside them", async () => {
  const stages = await run("python-postgres");
  expect(stages.get("test")).toMatchObject({
    status: "SUCCESS",
    artifacts: 1,
    tests: { failed: 0, errors: 0, complete: true },
  });
  const { tests } = stages.get("test") ?? {};
  expect(isObject(tests) ? Number(tests["passed"]) : 0).toBeGreaterThan(250);
});
