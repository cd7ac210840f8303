import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary, type Finished } from "./support/binary.ts";
import { makeRepository } from "./support/commit.ts";
import { isObject } from "./support/daemon.ts";

/* `exec`: what it runs on, and what it shows. */

let folder: string;
let image: string;
let repository: string;
let tmp: string;

beforeAll(async () => {
  await requireEngine();
  image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-exec-e2e-"));
  tmp = join(folder, "tmp");
  await mkdir(tmp);
  repository = await makeRepository(join(folder, "repo"), {
    ".gitfoss-ci.yml": manifest("first"),
    ".gitignore": "ignored\n",
    "sub/inside.txt": "",
    deleted: "",
    changed: "before\n",
  });
  await rm(join(repository, "deleted"));
  await writeFile(join(repository, "changed"), "after\n");
  await writeFile(join(repository, "untracked"), "");
  await writeFile(join(repository, "ignored"), "");
  await writeFile(join(repository, ".gitfoss-ci.yml"), manifest("second"));
});
afterAll(async () => {
  expect(await readdir(tmp)).toEqual([]);
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

function manifest(word: string): string {
  return `default: { image: ${image} }
stages:
  files: { script: ["find . -path ./.git -prune -o -type f -print | sort", "cat changed; echo ${word}"] }
  says: { script: ['echo "$WORD:$OTHER"'] }
  made: { script: ["mkdir out; echo artifact >out/a.txt"], artifacts: { paths: [out/] } }
  uses: { needs: [made], script: [cat out/a.txt] }
  left: { script: ["for i in $(seq 300); do printf left; usleep 300; echo -left; done"] }
  right: { script: ["for i in $(seq 300); do printf right; usleep 300; echo -right; done"] }
  fails: { script: ["echo so it goes; exit 7"] }
`;
}

function exec(args: readonly string[], cwd = repository, env = {}): Promise<Finished> {
  return runBinary(["exec", ...args], { cwd, env: { TMPDIR: tmp, ...env } });
}

const treeOfFiles =
  "./.gitfoss-ci.yml\n./.gitignore\n./changed\n./sub/inside.txt\n./untracked\nafter\nsecond\n";

test("it runs on the working tree: what is untracked but not ignored, and nothing that is deleted", async () => {
  expect(await exec(["files"])).toMatchObject({ exitCode: 0, stdout: treeOfFiles });
});

test("from a folder within it, it is the same tree", async () => {
  const sub = join(repository, "sub");
  expect(await exec(["files"], sub)).toMatchObject({ exitCode: 0, stdout: treeOfFiles });
  expect(await exec(["../.gitfoss-ci.yml", "files"], sub)).toMatchObject({
    exitCode: 0,
    stdout: treeOfFiles,
  });
});

test("with --ref it runs on that commit, its manifest too", async () => {
  for (const ref of ["main", "HEAD", "refs/heads/main"]) {
    const done = await exec(["--ref", ref, "files"]);
    expect(done).toMatchObject({
      exitCode: 0,
      stdout: "./.gitfoss-ci.yml\n./.gitignore\n./changed\n./deleted\n./sub/inside.txt\nbefore\nfirst\n",
    });
  }
});

for (const ref of ["nowhere", "--upload-pack=x", "HEAD~5", "a b", ""]) {
  test(`--ref=${JSON.stringify(ref)} is refused`, async () => {
    const done = await exec([`--ref=${ref}`, "files"]);
    expect(done).toMatchObject({ exitCode: 64, stdout: "" });
    expect(done.stderr).toMatch(/^error: .*(ref|branch).*\n/);
  });
}

test("a folder that is no repository is run on as it is, and has no --ref", async () => {
  const plain = join(folder, "plain");
  await mkdir(plain);
  await writeFile(join(plain, ".gitfoss-ci.yml"), manifest("plain"));
  await writeFile(join(plain, "changed"), "");
  const stdout = "./.gitfoss-ci.yml\n./changed\nplain\n";
  expect(await exec(["files"], plain)).toMatchObject({ exitCode: 0, stdout });
  const refused = await exec(["--ref=HEAD", "files"], plain);
  expect(refused).toMatchObject({ exitCode: 64, stdout: "" });
  expect(refused.stderr).toMatch(/^error: .*git/);
});

test("a repository without a commit is run on all the same, and has no --ref", async () => {
  const empty = join(folder, "empty");
  await mkdir(empty);
  Bun.spawnSync(["git", "init", "--quiet"], { cwd: empty });
  await writeFile(join(empty, ".gitfoss-ci.yml"), manifest("empty"));
  await writeFile(join(empty, "changed"), "");
  const stdout = "./.gitfoss-ci.yml\n./changed\nempty\n";
  expect(await exec(["files"], empty)).toMatchObject({ exitCode: 0, stdout });
  const refused = await exec(["--ref=HEAD", "files"], empty);
  expect(refused).toMatchObject({ exitCode: 64, stdout: "" });
});

test("variables come from -e, by value or from the environment, and are no part of what is shown", async () => {
  const done = await exec(["-e", "WORD=a=b c", "-e", "OTHER", "says"], repository, { OTHER: "$(id)'\"" });
  expect(done).toMatchObject({ exitCode: 0, stdout: "a=b c:$(id)'\"\n" });
  expect(await exec(["-e", "MISSING", "says"])).toMatchObject({ exitCode: 64, stdout: "" });
  const failed = await exec(["-e", "WORD=secret-word", "fails"]);
  expect(failed.stderr).toContain("-e WORD");
  expect(failed.stdout + failed.stderr).not.toContain("secret-word");
});

test("a stage runs with what it needs, and --artifacts keeps what they leave", async () => {
  const done = await exec(["--artifacts", "../kept", "uses"]);
  expect(done).toMatchObject({ exitCode: 0, stdout: "[uses] artifact\n" });
  expect(await readFile(join(folder, "kept/made/out/a.txt"), "utf8")).toBe("artifact\n");
  expect(await readdir(join(folder, "kept"))).toEqual(["made"]);
});

test("side by side, every line is whole and bears its stage", async () => {
  const done = await exec(["-j", "2", "left", "right"]);
  expect(done).toMatchObject({ exitCode: 0 });
  const lines = done.stdout.trimEnd().split("\n");
  expect(lines.length).toBe(600);
  for (const line of lines) expect(line).toMatch(/^(\[left\] {2}left-left|\[right\] right-right)$/);
  expect(lines.slice(0, 300)).toContain("[right] right-right");
  expect(lines.slice(0, 300)).toContain("[left]  left-left");
});

test("--progress quiet shows the summary alone", async () => {
  const done = await exec(["--progress=quiet", "fails"]);
  expect(done).toMatchObject({ exitCode: 1, stdout: "" });
  expect(done.stderr).toMatch(/^\nstage +result +exit +time +note\nfails +FAILURE +7 /);
  expect(done.stderr).toContain("  | so it goes\n");
  expect(done.stderr).toMatch(/\nrerun: gitfoss-ci-runner exec \.gitfoss-ci\.yml fails\n$/);
});

test("--progress json is a JSON object a line, and nothing else", async () => {
  const done = await exec(["--progress=json", "fails"]);
  expect(done).toMatchObject({ exitCode: 1, stderr: "" });
  const records = done.stdout
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(records.every((record) => isObject(record) && record["stageId"] === "fails")).toBe(true);
  expect(records).toContainEqual(
    expect.objectContaining({ type: "log", stream: "stdout", step: 1, text: "so it goes" }),
  );
  expect(records.at(-1)).toMatchObject({ type: "finished", status: "FAILURE", exitCode: 7, cause: "script" });
});

test("a stage that isn't there is named, with the nearest", async () => {
  const done = await exec(["file"]);
  expect(done).toMatchObject({ exitCode: 64, stdout: "" });
  expect(done.stderr).toMatch(/^error: .*"file".*"?files"?.*\n$/);
});

test("a manifest that isn't there, by name and by none", async () => {
  const none = join(folder, "none");
  await mkdir(none);
  expect(await exec(["other.yml"])).toMatchObject({
    exitCode: 66,
    stdout: "",
    stderr: `error: can't read the manifest "other.yml": no such file\n`,
  });
  const found = await exec([], none);
  expect(found).toMatchObject({ exitCode: 66, stdout: "" });
  expect(found.stderr).toMatch(
    /^error: there is no \.gitfoss-ci\.yml here; name one as the first argument\n$/,
  );
  expect(await exec(["--ref=main", "ci/other.yml"])).toMatchObject({ exitCode: 66, stdout: "" });
});

test("a manifest that is wrong is shown with every fault's place, and nothing runs", async () => {
  await writeFile(
    join(folder, "wrong.yml"),
    "stages:\n  a: { image: x, scirpt: [true] }\n  b: { script: [true], needs: [c] }\n",
  );
  const done = await exec(["../wrong.yml"]);
  expect(done).toMatchObject({ exitCode: 65, stdout: "" });
  expect(done.stderr).toMatch(/^error: \.\.\/wrong\.yml has \d errors; nothing was run\n/);
  expect(done.stderr).toMatch(/^\.\.\/wrong\.yml:2:\d+ error: .*scirpt/m);
  expect(done.stderr).toMatch(/^ +2 \| {3}a: \{ image: x, scirpt: \[true\] \}\n +\| +\^+/m);
  expect(done.stderr).toMatch(/^\.\.\/wrong\.yml:3:\d+ error: /m);
});
