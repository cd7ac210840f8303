import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBinary, type Finished } from "./support/binary.ts";

/* `import`, as its users call it. No engine is asked. */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitfoss-import-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function call(
  files: Readonly<Record<string, string | Uint8Array>>,
  ...args: readonly string[]
): Promise<Finished & { readonly manifest: string | undefined }> {
  const cwd = await mkdtemp(join(folder, "case-"));
  for (const [name, content] of Object.entries(files)) await Bun.write(join(cwd, name), content);
  const env = { DOCKER_HOST: "unix:///nowhere", GITFOSS_RUNNER_STATE_DIR: join(folder, "state") };
  const finished = await runBinary(["import", ...args], { cwd, env, timeoutMs: 20_000 });
  const file = Bun.file(join(cwd, ".gitfoss-ci.yml"));
  return { ...finished, manifest: (await file.exists()) ? await file.text() : undefined };
}

const gitlab = "image: alpine:3\ntest:\n  tags: [x]\n  script: make test\n";

test("the file that is there is found, and what has no equal is listed by its line", async () => {
  const done = await call({ ".gitlab-ci.yml": gitlab });
  expect(done).toMatchObject({ exitCode: 0, stdout: "" });
  expect(done.stderr)
    .toBe(`.gitlab-ci.yml:3: test.tags: every runner takes every stage; the forge chooses the runner
wrote .gitfoss-ci.yml with 1 stage; 1 not carried over, listed above
next: look at the comments in it, then try it here with \`gitfoss-ci-runner exec\`
`);
  expect(done.manifest).toContain("# not carried over: .gitlab-ci.yml:3: test.tags");
});

test("workflows of a folder become one manifest", async () => {
  const job = (name: string): string =>
    `on: push\njobs:\n  ${name}:\n    runs-on: ubuntu-latest\n    steps: [{ run: make }]\n`;
  const done = await call({
    ".github/workflows/ci.yml": job("test"),
    ".github/workflows/docs.yaml": job("test"),
  });
  expect(done.exitCode).toBe(0);
  expect(done.manifest).toContain("\n  ci-test:");
  expect(done.manifest).toContain("\n  docs-test:");
});

test("--stdout writes nothing, and a manifest that is there is kept", async () => {
  const files = {
    "pipeline.yml": "steps: { a: { image: alpine:3, commands: make } }\n",
    ".gitfoss-ci.yml": "mine\n",
  };
  const shown = await call(files, "pipeline.yml", "--from", "woodpecker", "--stdout");
  expect(shown).toMatchObject({ exitCode: 0, manifest: "mine\n" });
  expect(shown.stdout).toContain("image: alpine:3");
  const refused = await call(files, "pipeline.yml", "--from", "woodpecker");
  expect(refused).toMatchObject({ exitCode: 64, manifest: "mine\n" });
  expect(refused.stderr).toContain("--force overwrites it");
  const forced = await call(files, "pipeline.yml", "--from=woodpecker", "--force");
  expect(forced.manifest).toContain("image: alpine:3");
});

test("what isn't valid afterwards is written and shown with its lines", async () => {
  const done = await call({ ".gitlab-ci.yml": "variables: { A: b }\n" });
  expect(done).toMatchObject({ exitCode: 65 });
  expect(done.stderr).toContain("this has still to be mended in it:\n.gitfoss-ci.yml:");
  expect(done.manifest).toContain("A: b");
});

test.each([
  ["no file at all", {}, [], 66, "there is no file of GitLab, Woodpecker or GitHub here"],
  ["a file that isn't there", {}, [".gitlab-ci.yml"], 66, "no such file"],
  ["a name that says nothing", { "ci.yml": "a: 1\n" }, ["ci.yml"], 64, "--from gitlab"],
  ["another system", { "ci.yml": "a: 1\n" }, ["ci.yml", "--from", "jenkins"], 64, 'not "jenkins"'],
  [
    "files of two systems",
    { "gitlab.yml": "a: 1\n", "woodpecker.yml": "a: 1\n" },
    ["gitlab.yml", "woodpecker.yml"],
    64,
    "of several systems",
  ],
  ["broken YAML", { ".gitlab-ci.yml": "a: [\n" }, [], 65, ".gitlab-ci.yml:2:1 error: YAML"],
  ["bytes", { ".gitlab-ci.yml": new Uint8Array([0xff, 0xfe, 0x00]) }, [], 65, "isn't a text in UTF-8"],
] as const)(
  "%s is an error that says so, and nothing is written",
  async (...[, files, args, exitCode, message]) => {
    const done = await call(files, ...args);
    expect(done).toMatchObject({ exitCode, stdout: "", manifest: undefined });
    expect(done.stderr).toContain(message);
  },
);
