import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { checkOut } from "../../../src/source/checkout.ts";
import { openTree } from "../../../src/source/tree.ts";
import {
  authorship,
  createRepository,
  runGit,
  setTraps,
  temporaryFolder,
  writeFiles,
} from "../../support/repository.ts";
import { forOthers, forRoot } from "../../support/by-user.ts";

const { signal } = new AbortController();
let under: string;

beforeAll(async () => {
  under = await temporaryFolder();
});

afterAll(() => rm(under, { recursive: true, force: true }));

async function fill(folder: string, depth = 1): Promise<string> {
  const workspace = await mkdtemp(join(under, "workspace-"));
  await checkOut({ source: await openTree(folder, signal), workspace, depth }, signal);
  return workspace;
}

/** Every name below a folder but .git, as bytes in latin1. */
function namesIn(folder: string): readonly string[] {
  const found = Bun.spawnSync(["find", ".", "-name", ".git", "-prune", "-o", "-mindepth", "1", "-print0"], {
    cwd: folder,
  });
  return found.stdout
    .toString("latin1")
    .split("\0")
    .filter((name) => name !== "")
    .map((name) => name.slice(2))
    .toSorted();
}

test("a tree is opened from its top, with what is checked out", async () => {
  const repository = await createRepository({ under, files: { "a/b/c": "x" } });
  const known = { sha: repository.sha, defaultBranch: "main", message: "commit 1", ...authorship };
  const commit = { ...known, ref: "main", branch: "main" };
  for (const folder of [repository.folder, join(repository.folder, "a/b")])
    expect(await openTree(folder, signal)).toEqual({ kind: "tree", folder: repository.folder, commit });
  repository.git("checkout", "-q", "--detach");
  expect((await openTree(repository.folder, signal)).commit).toEqual({ ...known, ref: "HEAD" });
});

test("the default branch of a tree without an origin is the customary one, else the one at HEAD", async () => {
  const own = await createRepository({ under, branch: "trunk" });
  const defaultBranch = async (): Promise<string | undefined> =>
    (await openTree(own.folder, signal)).commit?.defaultBranch;
  expect(await defaultBranch()).toBe("trunk");
  own.git("branch", "master");
  expect(await defaultBranch()).toBe("master");
  own.git("branch", "main");
  expect(await defaultBranch()).toBe("main");
  own.git("update-ref", "refs/remotes/origin/next", "HEAD");
  own.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/next");
  expect(await defaultBranch()).toBe("next");
});

test("outside of git, and before the first commit, there's no commit", async () => {
  const plain = await mkdtemp(join(under, "plain-"));
  expect(await openTree(plain, signal)).toEqual({ kind: "tree", folder: plain });
  const empty = await createRepository({ under, empty: true });
  expect(await openTree(empty.folder, signal)).toEqual({ kind: "tree", folder: empty.folder });
});

test.each(["missing", "file", "file/x"])("%s isn't a folder", async (name) => {
  await writeFile(join(under, "file"), "");
  const error: unknown = await openTree(join(under, name), signal).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "repository_invalid",
    message: expect.stringContaining("isn't a folder"),
  });
});

forRoot("another user's repository above a folder is refused, a whole tree of theirs isn't", async () => {
  const repository = await createRepository({ under, files: { "a/b": "x" } });
  await chown(repository.gitDir, 1234, 1234);
  const error: unknown = await openTree(join(repository.folder, "a"), signal).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({
    code: "repository_invalid",
    message: expect.stringContaining("belongs to another user"),
  });
  await chown(repository.folder, 1234, 1234);
  expect((await openTree(repository.folder, signal)).commit?.sha).toBe(repository.sha);
});

test("a linked working tree is a tree like any other", async () => {
  const repository = await createRepository({ under });
  const linked = join(under, "linked");
  repository.git("worktree", "add", "-q", "-b", "topic", linked);
  await writeFile(join(linked, "new"), "n");
  expect((await openTree(linked, signal)).commit?.branch).toBe("topic");
  const workspace = await fill(linked);
  expect(namesIn(workspace)).toEqual(["README", "new"]);
  expect(runGit(workspace, "status", "--porcelain")).toBe("?? new");
});

test("what git knows and doesn't ignore is copied as it lies there, and git status says the same", async () => {
  const repository = await createRepository({
    under,
    files: {
      ".gitignore": "ignored\nbuild/\n",
      kept: "1",
      gone: "2",
      staged: "3",
      "run.sh": { executable: "#!/bin/sh\n" },
    },
  });
  repository.git("commit", "-q", "--allow-empty", "-m", "second");
  await unlink(join(repository.folder, "gone"));
  await repository.write({
    kept: "changed",
    staged: "also",
    "new/deep": { executable: "x" },
    ignored: "i",
    "build/out": "o",
  });
  repository.git("add", "staged");
  const workspace = await fill(repository.folder);
  expect(namesIn(workspace)).toEqual([".gitignore", "kept", "new", "new/deep", "run.sh", "staged"]);
  expect(await readFile(join(workspace, "kept"), "utf8")).toBe("changed");
  for (const name of ["run.sh", "new/deep"])
    expect((await lstat(join(workspace, name))).mode & 0o111).not.toBe(0);
  expect(runGit(workspace, "status", "--porcelain")).toBe(" D gone\n M kept\n M staged\n?? new/");
  expect(runGit(workspace, "log", "--format=%s")).toBe("second");
  expect(runGit(workspace, "fsck", "--full")).toBe("");
  expect(runGit(await fill(repository.folder, 0), "log", "--format=%s")).toBe("second\ncommit 1");
});

test("an untouched tree is a clean workspace", async () => {
  const repository = await createRepository({ under, files: { a: "1", l: { link: "a" } } });
  expect(runGit(await fill(repository.folder), "status", "--porcelain")).toBe("");
});

test("the user's own ignore file holds, too", async () => {
  const repository = await createRepository({ under });
  await repository.write({ notes: "private", code: "x" });
  const home = await mkdtemp(join(under, "home-"));
  await writeFiles(home, { ".config/git/ignore": "notes\n", "more/git/ignore": "code\n" });
  const before = { HOME: process.env["HOME"], XDG_CONFIG_HOME: process.env["XDG_CONFIG_HOME"] };
  delete process.env["XDG_CONFIG_HOME"];
  process.env["HOME"] = home;
  try {
    expect(namesIn(await fill(repository.folder))).toEqual(["README", "code"]);
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test("names with line ends, blanks and bytes that aren't UTF-8 survive", async () => {
  const odd = ["a\nb", " c ", "d\te", '"q"', "-h", "\u00e4", "\\x", "$(touch x)"];
  for (const inGit of [true, false]) {
    const folder = inGit
      ? (await createRepository({ under, files: {} })).folder
      : await mkdtemp(join(under, "odd-"));
    for (const name of odd) await writeFile(join(folder, name), name);
    const bytes = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x0a, 0xfe])]);
    await mkdir(bytes);
    await writeFile(Buffer.concat([bytes, Buffer.from("/\xe9", "latin1")]), "latin");
    await symlink(Buffer.from([0xff, 0x01]), Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xfd])]));
    const workspace = await fill(folder);
    expect(namesIn(workspace)).toEqual(namesIn(folder));
    const copied = Buffer.concat([
      Buffer.from(`${workspace}/`),
      Buffer.from([0xff, 0x0a, 0xfe]),
      Buffer.from("/\xe9", "latin1"),
    ]);
    expect(await readFile(copied, "utf8")).toBe("latin");
    const link = Buffer.concat([Buffer.from(`${workspace}/`), Buffer.from([0xfd])]);
    expect([...(await readlink(link, { encoding: "buffer" }))]).toEqual([0xff, 0x01]);
  }
});

test("links are copied as links, and nothing is read through them", async () => {
  const outside = await mkdtemp(join(under, "outside-"));
  await writeFiles(outside, { secret: "s" });
  const repository = await createRepository({ under, files: { "d/secret": "mine", l: { link: "d" } } });
  await rm(join(repository.folder, "d"), { recursive: true });
  await symlink(outside, join(repository.folder, "d"));
  await symlink("/no/where", join(repository.folder, "dangling"));
  const workspace = await fill(repository.folder);
  expect(await readlink(join(workspace, "d"))).toBe(outside);
  expect(await readlink(join(workspace, "dangling"))).toBe("/no/where");
  expect(namesIn(workspace)).toEqual(["d", "dangling", "l"]);
});

test("submodules, repositories inside and files that are no files are left out", async () => {
  const repository = await createRepository({ under });
  await mkdir(join(repository.folder, "inner"));
  runGit(join(repository.folder, "inner"), "init", "-q");
  await writeFile(join(repository.folder, "inner/x"), "");
  repository.git("update-index", "--add", "--cacheinfo", `160000,${repository.sha},module`);
  repository.git("commit", "-q", "-m", "submodule");
  await repository.write({ "module/file": "x" });
  Bun.spawnSync(["mkfifo", join(repository.folder, "fifo")]);
  const workspace = await fill(repository.folder);
  expect(namesIn(workspace)).not.toContain("fifo");
  expect(namesIn(workspace)).not.toContain("inner/x");
  expect(await readdir(join(workspace, "module"))).toEqual([]);
});

test("outside of git all files are copied but .git folders", async () => {
  const folder = await mkdtemp(join(under, "plain-"));
  await writeFiles(folder, {
    a: "1",
    "b/c": { executable: "2" },
    "b/.git/hooks/x": "3",
    l: { link: "b" },
    ".gitignore": "a",
  });
  await mkdir(join(folder, "empty"));
  Bun.spawnSync(["mkfifo", join(folder, "fifo")]);
  const workspace = await fill(folder);
  expect(namesIn(workspace)).toEqual([".gitignore", "a", "b", "b/c", "empty", "l"]);
  expect((await lstat(join(workspace, "b/c"))).mode & 0o111).not.toBe(0);
  expect(await readdir(workspace)).not.toContain(".git");
});

test("none of a tree's hooks, filters and programs is ever run", async () => {
  const repository = await createRepository({
    under,
    files: { ".gitattributes": "* filter=evil diff=evil\n", a: "a" },
  });
  const { marks } = await setTraps(repository);
  await repository.write({ a: "changed", b: "new" });
  const workspace = await fill(repository.folder, 0);
  expect(await readdir(marks)).toEqual([]);
  expect(await readFile(join(workspace, "a"), "utf8")).toBe("changed");
  expect(await readdir(join(workspace, ".git"))).not.toContain("hooks");
  await rm(marks, { recursive: true });
});

forOthers("a file that can't be read is named", async () => {
  const repository = await createRepository({ under });
  await chmod(join(repository.folder, "README"), 0);
  const error: unknown = await fill(repository.folder).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "checkout_failed", message: expect.stringContaining('"README"') });
});

test("an abort rejects with its reason", async () => {
  const repository = await createRepository({ under });
  const source = await openTree(repository.folder, signal);
  const aborted = AbortSignal.abort(new Error("stop"));
  const workspace = await mkdtemp(join(under, "workspace-"));
  const reason: unknown = await checkOut({ source, workspace, depth: 1 }, aborted).catch(
    (error: unknown) => error,
  );
  expect(reason).toBe(aborted.reason);
});
