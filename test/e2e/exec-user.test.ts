import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { forRoot } from "../support/by-user.ts";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary, startBinary } from "./support/binary.ts";
import { makeUser, type User } from "./support/user.ts";

/* `exec` by somebody who isn't root but may talk to the engine, and whose stages are root in their containers. */

let user: User;
let repository: string;

const mess = `
      - mkdir -m 0700 private && echo x >private/file && chmod 000 private/file
      - mkdir -p 'private/ deep  one /-rf/*' && touch -- -rf '*' ..odd ...dots .hidden '~' '$(id)' "'" '"'
      - touch "$(printf 'new\\nline')" "$(printf 'not \\377 utf8')" "$(printf '\\033[31m')" .gitignore
      - mkdir -m 0000 sealed && mkdir -m 0500 folder && touch folder/file && chmod 0 folder
      - ln -s / root && ln -s nowhere dangling && mkfifo fifo && mknod device c 1 3 2>/dev/null || true
      - chattr +i private/file 2>/dev/null || true
      - i=0; while [ $i -lt 300 ]; do mkdir -p $i/a && chmod 0 $i; i=$((i+1)); done`;

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  const nonroot = await requireImages("nonroot");
  const bash = await requireImages("bash");
  user = await makeUser();
  repository = await user.repository("repo", {
    "file.txt": "content\n",
    ".gitfoss-ci.yml": `default: { image: ${image} }\n${stagesOf(nonroot, bash)}`,
  });
});
afterAll(async () => {
  await user.remove();
  await expectNothingLeft();
});

function stagesOf(nonroot: string, bash: string): string {
  return `stages:
  messy:
    script:${mess}
      - id -u
  messy-in-debian:
    image: ${bash}
    script:${mess}
  broken:
    script:${mess}
      - exit 3
  endless:
    script:${mess}
      - echo ready; sleep 60
  grabbing:
    script: ["touch file && chown -R 0:0 . && chmod 0700 .", "mkdir a && chmod 0 a ."]
  silencing:
    timeout: 2s
    script: ["chmod 0 /gitfoss/log /gitfoss/out /gitfoss/gate; trap '' TERM; while :; do sleep 1; done"]
  app:
    user: app
    script: ["id -un", "cat file.txt >copy", "mkdir -m 0700 mine && touch mine/file && chmod 0 mine"]
  app-by-image:
    image: ${nonroot}
    script: ["id -un", "mkdir -m 0700 mine && touch mine/file && chmod 0 mine"]
  kept:
    script: ["mkdir out && echo of root >out/file && chmod 0644 out/file", "id -u >out/by"]
    artifacts: { paths: [out/] }
  hidden:
    script: ["umask 077; mkdir out && echo of root >out/file"]
    artifacts: { paths: [out/] }
`;
}

test("what root leaves in a container doesn't stay in the user's temporary folder", async () => {
  const done = await runBinary(["exec", "messy"], user.invocation(repository));
  expect(done).toMatchObject({ exitCode: 0, stdout: "0\n" });
  expect(done.stderr).not.toContain("warning");
  expect(await readdir(user.tmp)).toEqual([]);
});

for (const [stage, exitCode] of [
  ["messy-in-debian", 0],
  ["broken", 1],
  ["grabbing", 0],
] as const) {
  test(`nor does what ${stage} leaves`, async () => {
    const done = await runBinary(["exec", stage], user.invocation(repository));
    expect(done).toMatchObject({ exitCode });
    expect(done.stderr).not.toContain("warning");
    expect(await readdir(user.tmp)).toEqual([]);
  });
}

test("nor what is left by a stage that the user ends", async () => {
  const exec = await startBinary(["exec", "--grace", "1", "endless"], user.invocation(repository));
  await exec.waitFor(/ready/);
  exec.kill("SIGINT");
  expect(await exec.exited).toBe(130);
  expect(exec.stderr()).not.toContain("warning");
  expect(await readdir(user.tmp)).toEqual([]);
});

test("a stage that shuts its room to the user harms but itself, and ends", async () => {
  const done = await runBinary(["exec", "--grace=0", "silencing"], user.invocation(repository));
  expect([1, 124]).toContain(done.exitCode); // by whether its log was opened before it was shut
  expect(done.stderr).toMatch(/silencing: (timeout: |engine: the stage has shut its log to the runner)/);
  expect(done.stderr).not.toMatch(/warning|internal|EACCES/);
  expect(await readdir(user.tmp)).toEqual([]);
});

test("a stage may be another user, by the manifest or by its image", async () => {
  const done = await runBinary(["exec", "-j", "1", "app", "app-by-image"], user.invocation(repository));
  expect(done).toMatchObject({ exitCode: 0, stdout: "[app]          app\n[app-by-image] app\n" });
  expect(done.stderr).not.toContain("warning");
  expect(await readdir(user.tmp)).toEqual([]);
});

test("artifacts are the user's own", async () => {
  const folder = user.place("artifacts");
  const done = await runBinary(["exec", "--artifacts", folder, "kept"], user.invocation(repository));
  expect(done).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(folder, "kept/out/file"), "utf8")).toBe("of root\n");
  expect(await stat(join(folder, "kept/out/by"))).toMatchObject({ uid: user.uid, size: 2 });
  expect(await readdir(user.tmp)).toEqual([]);
});

test("artifacts that root keeps to itself are left out, and that is said", async () => {
  const done = await runBinary(["exec", "hidden"], user.invocation(repository));
  expect(done).toMatchObject({ exitCode: 1, stdout: "" });
  expect(done.stderr).toContain("artifacts: left out out: can't be read (EACCES)\n");
  expect(done.stderr).toContain("hidden: artifacts: none of its artifacts is there: out/\n");
  expect(done.stderr).not.toContain("warning");
  expect(await readdir(user.tmp)).toEqual([]);
});

test("the user's files stay as they were", async () => {
  expect((await readdir(repository)).toSorted()).toEqual([".git", ".gitfoss-ci.yml", "file.txt"]);
});

forRoot("whoever may not talk to the engine is told what to do", async () => {
  const done = await runBinary(["exec", "app"], user.invocation(repository, { withEngine: false }));
  expect(done).toMatchObject({
    exitCode: 69,
    stdout: "",
    stderr:
      "error: not allowed to talk to the Docker Engine; add this user to the group docker, or run as root\n",
  });
  expect(await readdir(user.tmp)).toEqual([]);
});
