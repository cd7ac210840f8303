import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkOut, type Checkout } from "../../../src/source/checkout.ts";
import { openRepository, resolveCommit } from "../../../src/source/repository.ts";
import { openTree } from "../../../src/source/tree.ts";
import { createRepository, runGit, temporaryFolder, type TestRepository } from "../../support/repository.ts";

const { signal } = new AbortController();
let under: string;
beforeAll(async () => {
  under = await temporaryFolder();
});
afterAll(() => rm(under, { recursive: true, force: true }));

interface Link {
  readonly path: string;
  readonly url: string;
  readonly sha: string;
  readonly name?: string;
}

/** A repository with links to submodules, written as a hostile one would: nothing is asked of git's own checks. */
async function linking(links: readonly Link[], gitmodules?: string): Promise<TestRepository> {
  const text = links.map(
    ({ name, path, url }) => `[submodule "${name ?? path}"]\n\tpath = ${path}\n\turl = ${url}\n`,
  );
  const repository = await createRepository({
    under,
    files: { ".gitmodules": gitmodules ?? text.join(""), a: "A\n" },
  });
  for (const { path, sha } of links)
    repository.git("update-index", "--add", "--cacheinfo", `160000,${sha},${path}`);
  repository.git("commit", "--quiet", "-m", "submodules");
  return repository;
}

type More = Partial<Pick<Checkout, "submodules" | "lfs" | "roots">>;

async function fill(repository: TestRepository, more: More = {}): Promise<string> {
  const workspace = await mkdtemp(join(under, "workspace-"));
  const { gitDir } = await openRepository(repository.folder, ["/"]);
  const source = {
    kind: "repository",
    gitDir,
    commit: await resolveCommit({ gitDir }, undefined, signal),
  } as const;
  await checkOut({ source, workspace, depth: 1, submodules: "normal", roots: [under], ...more }, signal);
  return workspace;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => "it was filled",
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "RunnerError", code: "checkout_failed" });
  return error instanceof Error ? error.message : String(error);
}

function nameOf({ folder }: TestRepository): string {
  return folder.slice(under.length + 1);
}

test("submodules by relative and absolute path are there as repositories of their own, and git finds all clean", async () => {
  const lib = await createRepository({ under, files: { "lib.c": "int x;\n" } });
  const { sha } = lib;
  const top = await linking([
    { path: "vendor/lib", url: `../${nameOf(lib)}`, sha },
    { path: "other", url: lib.folder, sha, name: "the other" },
  ]);
  const workspace = await fill(top);
  expect(await readFile(join(workspace, "vendor/lib/lib.c"), "utf8")).toBe("int x;\n");
  expect(await readFile(join(workspace, "other/lib.c"), "utf8")).toBe("int x;\n");
  expect(runGit(workspace, "status", "--porcelain", "--ignored")).toBe("");
  const status = runGit(workspace, "submodule", "status").split("\n");
  expect(status.map((line) => line.trim().split(" ").slice(0, 2))).toEqual([
    [sha, "other"],
    [sha, "vendor/lib"],
  ]);
  expect(runGit(join(workspace, "other"), "fsck", "--full", "--strict")).toBe("");
});

test("without the key the folder stays empty; submodules of submodules come when that is asked for", async () => {
  const inner = await createRepository({ under, files: { i: "I\n" } });
  const middle = await linking([{ path: "inner", url: `../${nameOf(inner)}`, sha: inner.sha }]);
  const sha = middle.git("rev-parse", "HEAD");
  const top = await linking([{ path: "middle", url: `../${nameOf(middle)}`, sha }]);
  const there = async (workspace: string): Promise<boolean> =>
    Bun.file(join(workspace, "middle/inner/i")).exists();
  expect(await there(await fill(top))).toBe(false);
  const workspace = await fill(top, { submodules: "recursive" });
  expect(await there(workspace)).toBe(true);
  expect(runGit(workspace, "submodule", "status", "--recursive")).not.toMatch(/^[-+U]/m);
});

test("a commit or a repository that isn't there is named", async () => {
  const lib = await createRepository({ under });
  const url = `../${nameOf(lib)}`;
  expect(await refusal(fill(await linking([{ path: "lib", url, sha: "b".repeat(40) }])))).toBe(
    `submodule "lib": its repository "${url}" has no commit ${"b".repeat(40)}; push it there`,
  );
  const nowhere = await refusal(fill(await linking([{ path: "lib", url: "../none.git", sha: lib.sha }])));
  expect(nowhere).toContain('submodule "lib": "../none.git" doesn\'t exist');
  expect(nowhere).not.toContain(under);
  const bare = await linking([{ path: "lib", url, sha: lib.sha }], "[core]\n\tbare = false\n");
  expect(await refusal(fill(bare))).toContain("has no path and url in .gitmodules");
});

const urls = [
  "https://user:hunter2@example.org/lib.git",
  "http://example.org/lib.git",
  "ssh://example.org/lib.git",
  "git@example.org:lib.git",
  "file:///etc",
  "ext::sh -c touch% /tmp/pwned",
  "fd::7",
  "-u./payload",
  "--upload-pack=touch /tmp/pwned",
  "lib",
  "~/lib.git",
];
for (const url of urls) {
  test(`the address ${url} isn't followed, and what to do instead is told`, async () => {
    const { sha } = await createRepository({ under });
    const message = await refusal(fill(await linking([{ path: "lib", url, sha }])));
    expect(message).toContain("the runner fetches none; write one that is relative");
    expect(message).not.toContain("hunter2");
  });
}

test("a submodule outside of the roots is refused, by whatever way it's named", async () => {
  const outside = await createRepository();
  const { sha } = outside;
  await Bun.$`ln -s ${outside.folder} ${under}/link`.quiet();
  for (const url of [outside.folder, `../../../..${outside.folder}`, "../link"]) {
    const message = await refusal(fill(await linking([{ path: "lib", url, sha }])));
    expect(message).toContain("outside of the configured repository roots");
  }
  await outside.remove();
});

const names = ["../../hooks", "a/../../b", "-x", ".git", "a/.GIT/b", "a//b", "a:b"];
for (const name of names) {
  test(`the name ${name} is refused`, async () => {
    const lib = await createRepository({ under });
    const url = `../${nameOf(lib)}`;
    expect(await refusal(fill(await linking([{ path: "lib", url, sha: lib.sha, name }])))).toContain(
      "is refused",
    );
  });
}

test("submodules without end are refused", async () => {
  const lib = await createRepository({ under });
  const many = Array.from({ length: 101 }, (_, at) => ({
    path: `s${String(at)}`,
    url: `../${nameOf(lib)}`,
    sha: lib.sha,
  }));
  expect(await refusal(fill(await linking(many)))).toContain("more than 100 submodules");
});

test("of a working tree its submodules are as they are there", async () => {
  const lib = await createRepository({ under, files: { x: "X\n" } });
  const top = await linking([{ path: "lib", url: "https://example.org/lib.git", sha: lib.sha }]);
  runGit(top.folder, "clone", "--quiet", lib.folder, "lib");
  await Bun.write(join(top.folder, "lib/x"), "changed\n");
  const workspace = await mkdtemp(join(under, "workspace-"));
  const source = await openTree(top.folder, signal);
  await checkOut({ source, workspace, depth: 1, submodules: "normal", roots: ["/"] }, signal);
  expect(await readFile(join(workspace, "lib/x"), "utf8")).toBe("changed\n");
});

async function withLfs(
  content: string,
  pointed = content,
): Promise<{ repository: TestRepository; oid: string }> {
  const oid = createHash("sha256").update(pointed).digest("hex");
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${String(pointed.length)}\n`;
  const attributes = "*.bin filter=lfs diff=lfs merge=lfs -text\n";
  const repository = await createRepository({
    under,
    files: {
      ".gitattributes": attributes,
      "big.bin": pointer,
      "not.txt": pointer,
      "real.bin": "no pointer\n",
    },
  });
  const folder = join(repository.gitDir, "lfs/objects", oid.slice(0, 2), oid.slice(2, 4));
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, oid), content);
  return { repository, oid };
}

test("Git LFS objects stand where their pointers were, for the files that the attributes say, and status is clean", async () => {
  const content = "B".repeat(2_500_000);
  const { repository } = await withLfs(content);
  const workspace = await fill(repository, { lfs: true });
  expect((await readFile(join(workspace, "big.bin"), "utf8")) === content).toBe(true);
  expect(await readFile(join(workspace, "not.txt"), "utf8")).toStartWith("version");
  expect(await readFile(join(workspace, "real.bin"), "utf8")).toBe("no pointer\n");
  expect(runGit(workspace, "status", "--porcelain", "--ignored")).toBe("");
  expect(await readFile(join(await fill(repository), "big.bin"), "utf8")).toStartWith("version");
});

test("an object that is missing, damaged, too short or too long is named, and nothing of it is used", async () => {
  const missing = await withLfs("content");
  await rm(join(missing.repository.gitDir, "lfs"), { recursive: true });
  const name = `the Git LFS object of "big.bin" (sha256 ${missing.oid})`;
  expect(await refusal(fill(missing.repository, { lfs: true }))).toStartWith(
    `${name} isn't in the repository's`,
  );
  for (const content of ["contenT", "short", "content and more"]) {
    const { repository } = await withLfs(content, "content");
    expect(await refusal(fill(repository, { lfs: true }))).toContain("is damaged");
  }
});

test("an object that is a link out of the roots is refused", async () => {
  const { repository, oid } = await withLfs("content");
  const place = join(repository.gitDir, "lfs/objects", oid.slice(0, 2), oid.slice(2, 4), oid);
  await rm(place);
  await Bun.$`ln -s /etc/passwd ${place}`.quiet();
  expect(await refusal(fill(repository, { lfs: true }))).toContain(
    "outside of the configured repository roots",
  );
});
