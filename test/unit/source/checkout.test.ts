import { afterAll, beforeAll, expect, test } from "bun:test";
import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkOut } from "../../../src/source/checkout.ts";
import { openRepository, readFileAt, resolveCommit } from "../../../src/source/repository.ts";
import {
  createGitBomb,
  createRepository,
  runGit,
  setTraps,
  temporaryFolder,
  type TestRepository,
} from "../../support/repository.ts";

const { signal } = new AbortController();
let under: string;

beforeAll(async () => {
  under = await temporaryFolder();
});

afterAll(() => rm(under, { recursive: true, force: true }));

interface Wanted {
  readonly ref?: string;
  readonly depth?: number;
  readonly workspace?: string;
  readonly signal?: AbortSignal;
}

/** Checks out into a fresh workspace and resolves to it. */
async function fill(repository: TestRepository, wanted: Wanted = {}): Promise<string> {
  const workspace = wanted.workspace ?? (await mkdtemp(join(under, "workspace-")));
  const { gitDir } = await openRepository(repository.folder, ["/"]);
  const commit = await resolveCommit({ gitDir }, wanted.ref, signal);
  const source = { kind: "repository", gitDir, commit } as const;
  await checkOut({ source, workspace, depth: wanted.depth ?? 1 }, wanted.signal ?? signal);
  return workspace;
}

async function failure(
  promise: Promise<unknown>,
): Promise<{ readonly code: string; readonly message: string }> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "RunnerError" });
  if (!(error instanceof Error) || !("code" in error)) throw new Error("no error");
  return { code: String(error.code), message: error.message };
}

/** Clean, complete, one commit at HEAD. */
function expectWorking(workspace: string, sha: string): void {
  expect(runGit(workspace, "status", "--porcelain", "--ignored")).toBe("");
  expect(runGit(workspace, "rev-parse", "HEAD")).toBe(sha);
  expect(runGit(workspace, "fsck", "--full", "--strict")).toBe("");
}

test("files, executables and links of the commit are there, and nothing else", async () => {
  const repository = await createRepository({
    under,
    files: {
      a: "A\n",
      "b/c": { executable: "#!/bin/sh\n" },
      link: { link: "/etc/passwd" },
      "b/up": { link: "../a" },
    },
  });
  await repository.write({ untracked: "x", a: "changed" });
  const workspace = await fill(repository);
  expectWorking(workspace, repository.sha);
  expect((await readdir(workspace)).toSorted()).toEqual([".git", "a", "b", "link"]);
  expect(await readFile(join(workspace, "a"), "utf8")).toBe("A\n");
  expect((await lstat(join(workspace, "b/c"))).mode & 0o111).not.toBe(0);
  expect((await lstat(join(workspace, "a"))).mode & 0o111).toBe(0);
  expect(await readlink(join(workspace, "link"))).toBe("/etc/passwd");
  expect(await readlink(join(workspace, "b/up"))).toBe("../a");
});

test("the workspace's repository stands on its own, and knows no place on this machine", async () => {
  const repository = await createRepository({ under, bare: true });
  const workspace = await fill(repository, { depth: 0 });
  await repository.remove();
  expectWorking(workspace, repository.sha);
  expect(runGit(workspace, "remote")).toBe("");
  const all = Bun.spawnSync(["grep", "-rlF", under, workspace]);
  expect(all.stdout.toString()).toBe("");
  expect(await readdir(join(workspace, ".git"))).not.toContain("hooks");
});

test("commits can be made in the workspace", async () => {
  const workspace = await fill(await createRepository({ under }));
  await writeFile(join(workspace, "new"), "x");
  runGit(workspace, "add", "new");
  runGit(workspace, "commit", "-q", "-m", "from a stage");
  runGit(workspace, "switch", "-q", "-c", "topic");
  expect(runGit(workspace, "log", "--format=%s")).toBe("from a stage\ncommit 1");
});

test("any commit can be checked out, whoever points to it and however it's stored", async () => {
  for (const bare of [false, true]) {
    for (const packed of [false, true]) {
      const repository = await createRepository({
        under,
        bare,
        commits: [{ files: { b: "2" } }, { files: { b: "3" } }],
      });
      const tree = repository.git("rev-parse", "HEAD~1^{tree}");
      const dangling = repository.git("commit-tree", "-p", "HEAD~1", "-m", "nobody's", tree);
      if (packed) repository.git("repack", "-q", "-a", "-d", "-k");
      for (const ref of [...repository.shas, dangling, "main"])
        expectWorking(await fill(repository, { ref }), repository.git("rev-parse", ref));
    }
  }
});

test("depth counts generations, over merges as git does, and 0 is all", async () => {
  const repository = await createRepository({ under, commits: [{}, {}, {}] });
  repository.git("checkout", "-q", "-b", "side", "HEAD~2");
  repository.git("commit", "-q", "--allow-empty", "-m", "side");
  repository.git("checkout", "-q", "main");
  repository.git("merge", "-q", "--no-ff", "-m", "merge", "side");
  for (const depth of [1, 2, 3, 4, 5, 6, 0]) {
    const workspace = await fill(repository, { depth });
    const clone = await mkdtemp(join(under, "clone-"));
    const limit = depth === 0 ? [] : [`--depth=${depth}`];
    runGit(clone, "clone", "-q", ...limit, "--branch", "main", `file://${repository.folder}`, ".");
    expect(runGit(workspace, "log", "--format=%H %P")).toBe(runGit(clone, "log", "--format=%H %P"));
    expectWorking(workspace, runGit(clone, "rev-parse", "HEAD"));
  }
  expect(await Bun.file(join(await fill(repository, { depth: 0 }), ".git/shallow")).exists()).toBe(false);
});

test("a source that is shallow itself gives what it has", async () => {
  const full = await createRepository({ under, commits: [{}, {}, {}] });
  const folder = await mkdtemp(join(under, "shallow-"));
  runGit(folder, "clone", "-q", "--bare", "--depth=2", `file://${full.folder}`, ".");
  const shallow: TestRepository = { ...full, folder, gitDir: folder };
  for (const [depth, commits] of [
    [0, 2],
    [1, 1],
    [2, 2],
    [9, 2],
  ] as const) {
    const workspace = await fill(shallow, { depth });
    expect(runGit(workspace, "rev-list", "--count", "HEAD")).toBe(String(commits));
    expectWorking(workspace, full.sha);
  }
});

test("a repository of sha256 names works, too", async () => {
  const repository = await createRepository({ under, sha256: true, bare: true });
  expectWorking(await fill(repository), repository.sha);
});

test("objects borrowed from another repository are found", async () => {
  const lender = await createRepository({ under, bare: true });
  const folder = await mkdtemp(join(under, 'borrower "quoted":\\ -'));
  runGit(folder, "clone", "-q", "--bare", "--shared", lender.folder, ".");
  expectWorking(await fill({ ...lender, folder, gitDir: folder }), lender.sha);
});

test("none of a repository's hooks, filters and programs is ever run", async () => {
  for (const bare of [false, true]) {
    const files = { ".gitattributes": "* filter=evil diff=evil merge=evil text=auto\n", a: "as it is\n" };
    const repository = await createRepository({ under, bare, files });
    const { marks } = await setTraps(repository);
    try {
      const workspace = await fill(repository, { ref: "main", depth: 0 });
      await readFileAt(repository, repository.sha, "a", signal);
      expect(await readdir(marks)).toEqual([]);
      expect(await readFile(join(workspace, "a"), "utf8")).toBe("as it is\n");
      expectWorking(workspace, repository.sha);
    } finally {
      await rm(marks, { recursive: true });
    }
  }
});

test("the traps of these tests do go off when git is called without care", async () => {
  const repository = await createRepository({
    under,
    files: { ".gitattributes": "* filter=evil\n", a: "a\n" },
  });
  const { marks } = await setTraps(repository);
  await rm(join(repository.folder, "a"));
  Bun.spawnSync(["git", "-C", repository.folder, "checkout", "-f", "HEAD", "--", "a"]);
  expect(await readdir(marks)).not.toEqual([]);
  await rm(marks, { recursive: true });
});

test("what a partial clone lacks isn't fetched, but an error", async () => {
  const repository = await createRepository({ under, bare: true });
  const { marks } = await setTraps(repository);
  const blob = repository.git("rev-parse", "HEAD:README");
  await rm(join(repository.gitDir, "objects", blob.slice(0, 2), blob.slice(2)));
  expect((await failure(fill(repository))).code).toBe("checkout_failed");
  expect((await failure(readFileAt(repository, repository.sha, "README", signal))).code).toBe(
    "manifest_missing",
  );
  expect(await readdir(marks)).toEqual([]);
  await rm(marks, { recursive: true });
});

test("submodules stay empty folders", async () => {
  const repository = await createRepository({ under });
  await repository.write({ ".gitmodules": '[submodule "m"]\n\tpath = m\n\turl = http://127.0.0.1:1/x\n' });
  repository.git("update-index", "--add", "--cacheinfo", `160000,${repository.sha},m`);
  repository.git("add", ".gitmodules");
  repository.git("commit", "-q", "-m", "submodule");
  const workspace = await fill(repository);
  expect(await readdir(join(workspace, "m"))).toEqual([]);
});

test("a read-only repository is enough, and is left as it was", async () => {
  const repository = await createRepository({ under, bare: true });
  const before = Bun.spawnSync(["find", repository.folder, "-printf", "%p %T@\n"]).stdout.toString();
  await fill(repository, { ref: "main", depth: 0 });
  expect(Bun.spawnSync(["find", repository.folder, "-printf", "%p %T@\n"]).stdout.toString()).toBe(before);
});

test("what an interrupted checkout left in the workspace goes", async () => {
  const repository = await createRepository({ under });
  const workspace = await fill(repository);
  await writeFile(join(workspace, "leftover"), "x");
  await writeFile(join(workspace, ".git/index.lock"), "");
  const { ino } = await lstat(workspace);
  await fill(repository, { workspace });
  expectWorking(workspace, repository.sha);
  expect((await lstat(workspace)).ino).toBe(ino);
});

test.each(["files", "folders"] as const)("a git bomb of %s is refused at once", async (kind) => {
  const bomb = await createGitBomb(kind);
  const before = process.memoryUsage().rss;
  const began = performance.now();
  const error = await failure(fill(bomb, { depth: 0 }));
  expect(error).toEqual({
    code: "checkout_failed",
    message: "there are more than 200000 files and folders to check out",
  });
  expect(performance.now() - began).toBeLessThan(2000);
  expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  await bomb.remove();
});

test.each([".git", ".GIT", "..", "git~1"])(
  "a tree with an entry named %j isn't checked out",
  async (name) => {
    const repository = await createRepository({ under });
    const blob = repository.git("rev-parse", "HEAD:README");
    const entry = Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, "hex")]);
    const tree = repository.gitWith(entry, "hash-object", "-t", "tree", "-w", "--stdin", "--literally");
    const error = await failure(fill(repository, { ref: repository.git("commit-tree", "-m", "evil", tree) }));
    expect(error.code).toBe("checkout_failed");
  },
);

test("a repository that is gone is an error that doesn't tell its place", async () => {
  const repository = await createRepository({ under });
  const { gitDir } = await openRepository(repository.folder, ["/"]);
  const commit = await resolveCommit({ gitDir }, undefined, signal);
  await repository.remove();
  const source = { kind: "repository", gitDir, commit } as const;
  const error = await failure(checkOut({ source, workspace: join(under, "new"), depth: 1 }, signal));
  expect(error).toEqual({ code: "checkout_failed", message: "the repository isn't there any more" });
});

test("an abort rejects with its own reason, before anything is done", async () => {
  const repository = await createRepository({ under });
  const aborted = AbortSignal.abort(new Error("before"));
  expect(await fill(repository, { signal: aborted }).catch((error: unknown) => error)).toBe(aborted.reason);
});
