import { afterAll, beforeAll, expect, test } from "bun:test";
import { chown, cp, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openRepository, resolveCommit, type Repository } from "../../../src/source/repository.ts";
import { createRepository, runGit, temporaryFolder, type TestRepository } from "../../support/repository.ts";
import { forRoot } from "../../support/by-user.ts";

const { signal } = new AbortController();
let top: string;
let root: string;
let bare: TestRepository;
let tree: TestRepository;

beforeAll(async () => {
  top = await temporaryFolder();
  root = join(top, "root");
  await mkdir(root);
  bare = await createRepository({ bare: true, under: root });
  tree = await createRepository({ under: root });
});

afterAll(() => rm(top, { recursive: true, force: true }));

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => new Error("resolved"),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "RunnerError", code: "repository_invalid" });
  return error instanceof Error ? error.message : "";
}

const open = (path: string, roots: readonly string[] = [root]): Promise<Repository> =>
  openRepository(path, roots);

test("a bare repository and a working tree under a root are opened", async () => {
  expect(await open(bare.folder)).toEqual({ gitDir: bare.folder });
  expect(await open(tree.folder)).toEqual({ gitDir: join(tree.folder, ".git") });
  expect(await open(join(tree.folder, ".git"))).toEqual({ gitDir: join(tree.folder, ".git") });
  expect(await open(`${bare.folder}/../${bare.folder.split("/").at(-1)}/`)).toEqual({ gitDir: bare.folder });
});

test("the root itself may be a repository, or /", async () => {
  expect(await open(bare.folder, [bare.folder])).toEqual({ gitDir: bare.folder });
  expect(await open(bare.folder, ["/"])).toEqual({ gitDir: bare.folder });
});

test("a root may be reached by a link, and so may a repository in it", async () => {
  const link = join(top, "root-link");
  await symlink(root, link);
  expect(await open(bare.folder, [link])).toEqual({ gitDir: bare.folder });
  expect(await open(bare.folder.replace(root, link), [root])).toEqual({ gitDir: bare.folder });
});

test("without roots the error says how to set them", async () => {
  const message = await refusal(open(bare.folder, []));
  expect(message).toContain("register --repo-root DIR");
  expect(message).toContain("config set repoRoots");
});

test("roots that don't exist hold nothing", async () => {
  expect(await refusal(open(bare.folder, [join(top, "gone")]))).toContain(
    "outside of the configured repository roots",
  );
});

test.each([
  "",
  "relative/path",
  "host:path",
  "ext::sh -c touch% /tmp/x",
  "--upload-pack=x",
  "file:///srv",
  "~",
  ".",
])("%j isn't an absolute path", async (path) => {
  expect(await refusal(open(path))).toContain("isn't an absolute path");
});

test.each(["/srv/a\0b", "/srv/a\nb", "/srv/\u001b[2J", "/srv/\u0085"])(
  "%j has control characters",
  async (path) => {
    const message = await refusal(open(path));
    expect(message).toContain("control characters");
  },
);

test("a path of 10,000 characters is refused", async () => {
  expect(await refusal(open(`${root}/${"x".repeat(10_000)}`))).toContain("too long");
  expect(await refusal(open(`${root}/${"x".repeat(3000)}`))).toContain("can't be opened (ENAMETOOLONG)");
});

test("a sibling of the root with the same beginning lies outside", async () => {
  await mkdir(`${root}-more`);
  const sibling = await createRepository({ bare: true, under: `${root}-more` });
  expect(await refusal(open(sibling.folder))).toContain("outside of the configured repository roots");
});

test("dots and links that lead out of the root are refused, whether there's something or not", async () => {
  const outside = await createRepository({ bare: true, under: top });
  await symlink(outside.folder, join(root, "way-out"));
  const texts = await Promise.all(
    [
      outside.folder,
      join(root, "way-out"),
      `${root}/../${outside.folder.split("/").at(-1)}`,
      "/etc",
      "/no/such",
      `${root}/../no`,
    ].map((path) => refusal(open(path))),
  );
  for (const text of texts) expect(text).toContain("outside of the configured repository roots");
  expect(texts[1]).not.toContain(outside.folder);
});

test("what isn't a repository says so", async () => {
  await mkdir(join(root, "empty"));
  await writeFile(join(root, "file"), "x");
  await symlink("loop", join(root, "loop"));
  await mkdir(join(root, "half/objects"), { recursive: true });
  await writeFile(join(root, "half/HEAD"), "root:x:0:0\n");
  expect(await refusal(open(join(root, "missing")))).toContain("doesn't exist");
  expect(await refusal(open(join(root, "empty")))).toContain("isn't a git repository");
  expect(await refusal(open(join(root, "half")))).toContain("isn't a git repository");
  expect(await refusal(open(join(root, "file")))).toContain("isn't a git repository");
  expect(await refusal(open(join(root, "file/x")))).toContain("isn't a folder");
  expect(await refusal(open(join(root, "loop")))).toContain("ELOOP");
});

test("a `.git` file, a link or a `commondir` that leads out of the roots is refused", async () => {
  const outside = await createRepository({ under: top });
  const linked = join(root, "linked");
  outside.git("worktree", "add", "-q", "--detach", linked);
  expect(await refusal(open(linked))).toContain("its git directory leads out");
  await mkdir(join(root, "symlinked"));
  await symlink(outside.gitDir, join(root, "symlinked/.git"));
  expect(await refusal(open(join(root, "symlinked")))).toContain("its git directory leads out");
  const copy = join(root, "copy.git");
  await cp(join(outside.gitDir, "worktrees/linked"), copy, { recursive: true });
  await writeFile(join(copy, "commondir"), `${outside.gitDir}\n`);
  expect(await refusal(open(copy))).toContain("its `commondir` leads out");
});

test("a linked working tree within the roots is opened", async () => {
  const linked = join(root, "linked-inside");
  tree.git("worktree", "add", "-q", "--detach", linked);
  const repository = await open(linked);
  expect((await resolveCommit(repository, "main", signal)).sha).toBe(tree.sha);
});

test("borrowed objects outside of the roots are refused, at any remove", async () => {
  const outside = await createRepository({ bare: true, under: top });
  const middle = await createRepository({ bare: true, under: root });
  const last = await createRepository({ bare: true, under: root });
  await writeFile(join(last.gitDir, "objects/info/alternates"), `# none\n${middle.gitDir}/objects\n`);
  expect(await open(last.folder)).toEqual({ gitDir: last.gitDir });
  await writeFile(
    join(middle.gitDir, "objects/info/alternates"),
    `../../../${outside.folder.split("/").at(-1)}/objects\n`,
  );
  for (const { folder } of [middle, last]) {
    const message = await refusal(open(folder));
    expect(message).toContain("objects/info/alternates");
    expect(message).not.toContain(outside.folder);
  }
  await writeFile(join(middle.gitDir, "objects/info/alternates"), '"/quoted"\n');
  expect(await refusal(open(middle.folder))).toContain("quoted");
  await writeFile(join(middle.gitDir, "objects/info/alternates"), "\n".repeat(100_000));
  expect(await refusal(open(middle.folder))).toContain("isn't a small file");
});

test.each(["objects", "refs", "packed-refs", "config", "objects/pack"])(
  "`%s` as a link out of the roots is refused",
  async (name) => {
    const repository = await createRepository({ bare: true, under: root });
    const moved = join(top, `moved-${name.replace("/", "-")}`);
    await writeFile(join(repository.gitDir, "packed-refs"), "");
    await rename(join(repository.gitDir, name), moved);
    await symlink(moved, join(repository.gitDir, name));
    expect(await refusal(open(repository.folder))).toContain("out of the configured repository roots");
  },
);

forRoot("a repository of another user is read all the same", async () => {
  const foreign = await createRepository({ bare: true, under: root });
  await chown(foreign.folder, 1234, 1234);
  expect(() => runGit(foreign.folder, "rev-parse", "HEAD")).toThrow("dubious ownership");
  expect((await resolveCommit(await open(foreign.folder), "main", signal)).sha).toBe(foreign.sha);
});
