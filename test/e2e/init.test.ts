import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBinary, type Finished } from "./support/binary.ts";

/* `init`, as its users call it. No engine is asked. */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitfoss-init-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function call(name: string, ...args: readonly string[]): Promise<Finished> {
  const env = { DOCKER_HOST: "unix:///nowhere", GITFOSS_RUNNER_STATE_DIR: join(folder, "state") };
  return runBinary(args, { cwd: join(folder, name), env, timeoutMs: 10_000 });
}

test("it says what it found, writes a manifest that is valid, and is content with it the second time", async () => {
  await Bun.write(join(folder, "one/go.mod"), "module example.org/p\n\ngo 1.24\n");
  expect(await call("one", "init")).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: `found Go 1.24 (go.mod)
wrote .gitfoss-ci.yml with the stages lint, test, build
next: look at it, then try it here with \`gitfoss-ci-runner exec\`
`,
  });
  expect(await call("one", "validate")).toMatchObject({ exitCode: 0 });
  const again = await call("one", "init");
  expect(again).toMatchObject({ exitCode: 0 });
  expect(again.stderr).toContain(".gitfoss-ci.yml is as it would be written");
});

test("a manifest that is there is kept, unless --force", async () => {
  const manifest = join(folder, "two/.gitfoss-ci.yml");
  await Bun.write(manifest, "mine\n");
  expect(await call("two", "init")).toMatchObject({
    exitCode: 64,
    stderr: expect.stringContaining(".gitfoss-ci.yml is there already; --force overwrites it"),
  });
  expect(await Bun.file(manifest).text()).toBe("mine\n");
  expect(await call("two", "init", "--force")).toMatchObject({ exitCode: 0 });
  expect(await Bun.file(manifest).text()).toContain("stages:");
});

test("--stdout writes nothing but to stdout", async () => {
  await Bun.write(join(folder, "three/.gitlab-ci.yml"), "a: { script: x }\n");
  const done = await call("three", "init", "--stdout");
  expect(done).toMatchObject({ exitCode: 0, stderr: "" });
  expect(done.stdout).toContain("stages:");
  expect(await Bun.file(join(folder, "three/.gitfoss-ci.yml")).exists()).toBe(false);
  expect((await call("three", "init")).stderr).toContain(
    "there is .gitlab-ci.yml: `gitfoss-ci-runner import`",
  );
});

test("nothing is written through a link that leads nowhere", async () => {
  await Bun.write(join(folder, "four/README.md"), "");
  await symlink(join(folder, "elsewhere"), join(folder, "four/.gitfoss-ci.yml"));
  expect(await call("four", "init")).toMatchObject({ exitCode: 73 });
  expect(await Bun.file(join(folder, "elsewhere")).exists()).toBe(false);
});
