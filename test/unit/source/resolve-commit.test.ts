import { afterAll, beforeAll, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { resolveCommit } from "../../../src/source/repository.ts";
import {
  authorship,
  createRepository,
  temporaryFolder,
  type TestRepository,
} from "../../support/repository.ts";

const { signal } = new AbortController();
let under: string;
let repository: TestRepository;

beforeAll(async () => {
  under = await temporaryFolder();
  const commits = [{ message: "the second\n\nwith a body: \u00e4\u20ac\n\n\n", files: { b: "b" } }];
  repository = await createRepository({ under, commits });
  repository.git("tag", "light", "HEAD~1");
  repository.git("tag", "-a", "-m", "the tag's own words", "v1.0", "HEAD~1");
  repository.git("tag", "-a", "-m", "a tag of a tag", "nested", "v1.0");
  repository.git("branch", "feature/x", "HEAD~1");
  repository.git("branch", "both");
  repository.git("tag", "both", "HEAD~1");
  repository.git("branch", "deadbeef", "HEAD~1");
  repository.git("branch", "refs/heads/odd");
  repository.git("tag", "refs/heads/ghost");
  repository.git("tag", "blob", "HEAD:README");
  repository.git("tag", "tree", "HEAD^{tree}");
  repository.git("update-ref", "refs/pull/7/head", "HEAD~1");
});

afterAll(() => rm(under, { recursive: true, force: true }));

const resolve = (ref?: string): ReturnType<typeof resolveCommit> => resolveCommit(repository, ref, signal);

async function refusal(ref: string | undefined, of: TestRepository = repository): Promise<string> {
  const error: unknown = await resolveCommit(of, ref, signal).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "RunnerError", code: "repository_invalid" });
  return error instanceof Error ? error.message : "";
}

test("without a ref it's the branch at HEAD, with the whole message", async () => {
  expect(await resolve()).toEqual({
    sha: repository.sha,
    ref: "main",
    branch: "main",
    defaultBranch: "main",
    message: "the second\n\nwith a body: \u00e4\u20ac",
    ...authorship,
  });
});

test("each kind of ref is told by its kind", async () => {
  const [first = ""] = repository.shas;
  const at = { sha: first, defaultBranch: "main", message: "commit 1", ...authorship };
  expect(await resolve("feature/x")).toEqual({ ...at, ref: "feature/x", branch: "feature/x" });
  expect(await resolve("refs/heads/feature/x")).toEqual({
    ...at,
    ref: "refs/heads/feature/x",
    branch: "feature/x",
  });
  for (const tag of ["light", "v1.0", "nested"]) expect(await resolve(tag)).toEqual({ ...at, ref: tag, tag });
  expect(await resolve("refs/tags/v1.0")).toEqual({ ...at, ref: "refs/tags/v1.0", tag: "v1.0" });
  expect(await resolve("refs/pull/7/head")).toEqual({ ...at, ref: "refs/pull/7/head" });
  for (const sha of [first, first.toUpperCase(), first.slice(0, 12)])
    expect(await resolve(sha)).toEqual({ ...at, ref: sha });
});

test("a branch comes before a tag of the same name, and both before the digits of a sha", async () => {
  expect(await resolve("both")).toMatchObject({ branch: "both", sha: repository.sha });
  expect(await resolve("refs/tags/both")).toMatchObject({ tag: "both", sha: repository.shas[0] });
  expect(await resolve("deadbeef")).toMatchObject({ branch: "deadbeef", sha: repository.shas[0] });
});

test("a full name is never completed to another one", async () => {
  expect(await refusal("refs/heads/ghost")).toContain("no branch, tag or commit");
});

test("packed refs and objects are found as loose ones are", async () => {
  const packed = await createRepository({ under, bare: true });
  packed.git("tag", "-a", "-m", "t", "t");
  packed.git("gc", "-q");
  packed.git("pack-refs", "--all");
  for (const ref of ["main", "t", packed.sha, undefined])
    expect((await resolveCommit(packed, ref, signal)).sha).toBe(packed.sha);
});

test("a detached HEAD has no branch", async () => {
  const detached = await createRepository({ under });
  detached.git("checkout", "-q", "--detach");
  expect(await resolveCommit(detached, undefined, signal)).toEqual({
    sha: detached.sha,
    ref: "HEAD",
    message: "commit 1",
    ...authorship,
  });
});

test("a clone knows its default branch from its origin", async () => {
  const clone = await createRepository({ under });
  clone.git("update-ref", "refs/remotes/origin/trunk", "HEAD");
  clone.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk");
  const commit = await resolveCommit(clone, "origin/trunk", signal);
  expect(commit).toEqual({
    sha: clone.sha,
    ref: "origin/trunk",
    defaultBranch: "trunk",
    message: "commit 1",
    ...authorship,
  });
});

test("a repository of sha256 names", async () => {
  const long = await createRepository({ under, sha256: true });
  expect(long.sha).toHaveLength(64);
  for (const ref of [undefined, "main", long.sha, long.sha.slice(0, 9)])
    expect((await resolveCommit(long, ref, signal)).sha).toBe(long.sha);
});

test("an empty repository says so", async () => {
  const empty = await createRepository({ under, empty: true });
  expect(await refusal(undefined, empty)).toContain('no commit on its branch "main"; push one');
  expect(await refusal("main", empty)).toContain('no branch, tag or commit "main"');
});

test.each([
  "missing",
  "refs/heads/missing",
  "0".repeat(40),
  "f".repeat(64),
  "abcd",
  "blob",
  "tree",
  "@",
  "HEAD/x",
])("there's no commit %j", async (ref) => {
  expect(await refusal(ref)).toContain(`no branch, tag or commit ${JSON.stringify(ref)}`);
});

const odd = [
  "--upload-pack=touch /tmp/x",
  "--output=/tmp/x",
  "-h",
  "-",
  "a b",
  "a\nb",
  "a\0b",
  "a\u007fb",
  "main~1",
  "main^",
  "main^{tree}",
  "a..b",
  "main@{1}",
  "HEAD:README",
  ":/commit",
  "*",
  "ma?n",
  "[m]ain",
  "a\\b",
  "/main",
  "main/",
  "main.",
  "a//b",
  "x.lock",
];
test.each(odd)("%j is refused before git sees it", async (ref) => {
  expect(await refusal(ref)).toContain("can't be a ref");
});

test("an empty and an endless ref are refused", async () => {
  expect(await refusal("")).toContain("is empty");
  expect(await refusal("x".repeat(256))).toContain("more than 255 characters");
  expect(await refusal("x".repeat(10_000))).toContain("more than 255 characters");
});

test("a message in another encoding, with NUL, or without any is read", async () => {
  const tree = repository.git("rev-parse", "HEAD^{tree}");
  const head = `tree ${tree}\nauthor A <a> 0 +0000\ncommitter A <a> 0 +0000\n`;
  const make = (bytes: Buffer): string =>
    repository.gitWith(bytes, "hash-object", "-t", "commit", "-w", "--stdin", "--literally");
  const latin = make(Buffer.from(`${head}encoding ISO-8859-1\n\ncaf\u00e9\n`, "latin1"));
  const nul = make(Buffer.from(`${head}\nbefore\0after\n`));
  const none = make(Buffer.from(`${head}\n`));
  expect((await resolve(latin)).message).toBe("caf\u00e9");
  expect((await resolve(nul)).message).toBe("before");
  expect((await resolve(none)).message).toBe("");
});

test("a commit of many megabytes is refused", async () => {
  const tree = repository.git("rev-parse", "HEAD^{tree}");
  const huge = repository.gitWith("x".repeat(3_000_000), "commit-tree", tree);
  expect(await refusal(huge)).toContain("too many for a commit");
});

test("a repository that vanished, or whose configuration is broken, is an error without its place", async () => {
  const broken = await createRepository({ under });
  await Bun.write(join(broken.gitDir, "config"), "[nonsense");
  const message = await refusal("main", broken);
  expect(message).toContain("git for-each-ref failed");
  expect(message).not.toContain(broken.gitDir);
  await broken.remove();
  expect(await refusal("main", broken)).not.toContain(broken.gitDir);
  expect(await refusal(undefined, broken)).not.toContain(broken.gitDir);
});

test("an abort rejects with its reason", async () => {
  const controller = new AbortController();
  controller.abort(new Error("stop"));
  const reason: unknown = await resolveCommit(repository, "main", controller.signal).catch(
    (error: unknown) => error,
  );
  expect(reason).toBe(controller.signal.reason);
});
