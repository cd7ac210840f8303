import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { changesOf } from "../../../src/source/changes.ts";
import { presentFiles } from "../../../src/source/present-files.ts";
import { resolveCommit } from "../../../src/source/repository.ts";
import { takeSnapshot } from "../../../src/source/snapshot.ts";
import type { Source } from "../../../src/source/source.ts";
import { openTree } from "../../../src/source/tree.ts";
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

/** main: a, b; feature, from main's first commit: c changed, d new. */
async function branched(bare = false): Promise<TestRepository> {
  const made = await createRepository({ under, files: { a: "1", c: "1", "gone/x": "1" } });
  made.git("checkout", "-q", "-b", "feature");
  for (const [name, text] of [
    ["c", "2"],
    ["d/ü n\n1", "1"],
  ] as const) {
    await made.write({ [name]: text });
    made.git("add", "--all");
    made.git("commit", "-q", "-m", name);
  }
  made.git("rm", "-q", "gone/x");
  made.git("commit", "-q", "-m", "remove");
  made.git("checkout", "-q", "main");
  await made.write({ b: "1" });
  made.git("add", "--all");
  made.git("commit", "-q", "-m", "b");
  made.git("tag", "v1", "feature");
  if (!bare) return made;
  runGit(under, "clone", "-q", "--bare", made.folder, `${made.folder}.git`);
  return { ...made, folder: `${made.folder}.git`, gitDir: `${made.folder}.git` };
}

async function commitOf({ gitDir }: { readonly gitDir: string }, ref?: string): Promise<Source> {
  return { kind: "repository", gitDir, commit: await resolveCommit({ gitDir }, ref, signal) };
}

async function changed(source: Source): Promise<readonly string[] | string> {
  const changes = await changesOf(source, signal);
  return changes.kind === "all" ? changes.why : [...changes.paths].toSorted();
}

for (const bare of [true, false]) {
  test(`a commit of a ${bare ? "bare repository" : "repository"} is compared with where its branch began, else with its parent`, async () => {
    const repository = await branched(bare);
    const of = async (ref?: string): Promise<readonly string[] | string> =>
      changed(await commitOf(repository, ref));
    expect(await of("feature")).toEqual(["c", "d/ü n\n1", "gone/x"]);
    expect(await of()).toEqual(["b"]);
    expect(await of("main")).toEqual(["b"]);
    expect(await of("v1")).toEqual(["gone/x"]);
    const first = repository.shas[0] ?? "";
    expect(await of(first)).toBe("there is no commit before it");
  });
}

test("a branch at the default one's commit, or behind it, has changed nothing", async () => {
  const repository = await branched();
  repository.git("branch", "same", "main");
  repository.git("branch", "behind", "main~1");
  expect(await changed(await commitOf(repository, "same"))).toEqual([]);
  expect(await changed(await commitOf(repository, "behind"))).toEqual([]);
});

test("of a clone, what was fetched counts, not the branch that lies behind", async () => {
  const repository = await branched();
  repository.git("update-ref", "refs/remotes/origin/main", "feature~1");
  repository.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main");
  expect(await changed(await commitOf(repository, "feature"))).toEqual(["gone/x"]);
});

test("a merge is compared with its first parent", async () => {
  const repository = await branched();
  repository.git("merge", "-q", "--no-ff", "-m", "merge", "feature");
  expect(await changed(await commitOf(repository))).toEqual(["c", "d/ü n\n1", "gone/x"]);
});

test("a branch with nothing in common with the default one says so, and is compared with its parent", async () => {
  const repository = await branched();
  repository.git("checkout", "-q", "--orphan", "island");
  repository.git("commit", "-q", "-m", "first");
  expect(await changed(await commitOf(repository, "island"))).toBe("there is no commit before it");
  await repository.write({ new: "1" });
  repository.git("add", "--all");
  repository.git("commit", "-q", "-m", "second");
  repository.git("symbolic-ref", "HEAD", "refs/heads/main");
  expect(await changesOf(await commitOf(repository, "island"), signal)).toEqual({
    kind: "some",
    paths: ["new"],
    note: "no commit is known from which both this branch and main come: compared with the first parent",
  });
});

test("where the history is cut, all counts as changed", async () => {
  const repository = await branched();
  const shallow = `${repository.folder}-shallow`;
  runGit(
    under,
    "clone",
    "-q",
    "--bare",
    "--depth",
    "1",
    "--no-single-branch",
    `file://${repository.folder}`,
    shallow,
  );
  expect(await changed(await commitOf({ gitDir: shallow }))).toBe("the history is cut before it");
  expect(await changed(await commitOf({ gitDir: shallow }, "feature"))).toBe("the history is cut before it");
});

test("of a working tree, what isn't committed counts as well, but not what git ignores", async () => {
  const repository = await branched();
  repository.git("checkout", "-q", "feature");
  await repository.write({
    a: "changed",
    "new/file": "x",
    staged: "x",
    "ignored.log": "x",
    ".gitignore": "*.log\n",
  });
  repository.git("add", "staged");
  await unlink(join(repository.folder, "c"));
  const source = await openTree(repository.folder, signal);
  const expected = [".gitignore", "a", "c", "d/ü n\n1", "gone/x", "new/file", "staged"];
  expect(await changed(source)).toEqual(expected);
  const copy = await takeSnapshot(source, await mkdtemp(join(under, "copy-")), 1, signal);
  expect(await changed(copy)).toEqual(expected);
  expect([...(await presentFiles(copy, signal))].toSorted()).toEqual([
    ".gitignore",
    "a",
    "d/ü n\n1",
    "new/file",
    "staged",
  ]);
});

test("a file that was only touched hasn't changed when it's as long as before and git can tell", async () => {
  const repository = await createRepository({ under, commits: [{ files: { b: "b" } }] });
  expect(await changed(await openTree(repository.folder, signal))).toEqual(["b"]);
  repository.git("checkout", "-q", "--detach");
  await repository.write({ README: "something else, and longer than before" });
  expect(await changed(await openTree(repository.folder, signal))).toEqual(["README", "b"]);
});

test("outside of git, and before the first commit, all counts as changed", async () => {
  const plain = await mkdtemp(join(under, "plain-"));
  const why = "there is no commit to compare with";
  expect(await changed(await openTree(plain, signal))).toBe(why);
  const empty = await createRepository({ under, empty: true });
  expect(await changed(await openTree(empty.folder, signal))).toBe(why);
});

test("nothing of a repository's is run, whatever it's set to", async () => {
  const repository = await branched();
  repository.git("checkout", "-q", "feature");
  await repository.write({ ".gitattributes": "* filter=evil diff=evil\n" });
  const { marks } = await setTraps(repository);
  await utimes(join(repository.folder, "a"), new Date(), new Date());
  await utimes(join(repository.folder, "c"), new Date(), new Date());
  const tree = await openTree(repository.folder, signal);
  expect(await changed(tree)).toContain("c");
  expect(await presentFiles(tree, signal)).toContain("c");
  const commit = await commitOf(repository, "main");
  expect(await changed(commit)).toContain("b");
  expect(await presentFiles(commit, signal)).toContain("c");
  expect(await readdir(marks)).toEqual([]);
  await rm(marks, { recursive: true });
});

test("a commit that describes millions of files is refused before they're in memory", async () => {
  const bomb = await createGitBomb("files");
  const source = await commitOf(bomb);
  expect(await presentFiles(source, signal).catch((error: unknown) => error)).toMatchObject({
    code: "repository_invalid",
    message: "there are more than 200000 files to look through",
  });
  await bomb.remove();
});

test("the files of a commit, and of a folder outside of git", async () => {
  const repository = await branched(true);
  expect(await presentFiles(await commitOf(repository, "feature"), signal)).toEqual(["a", "c", "d/ü n\n1"]);
  const plain = await mkdtemp(join(under, "plain-"));
  await Bun.write(join(plain, "x/y"), "1");
  expect(await presentFiles(await openTree(plain, signal), signal)).toContain("x/y");
});
