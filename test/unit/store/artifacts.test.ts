import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ArtifactsPlan } from "../../../src/plan/plan.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import type { Collected } from "../../../src/store/artifacts.ts";
import { artifactsFolder, artifactsManifest } from "../../../src/store/layout.ts";
import type { Store } from "../../../src/store/store.ts";
import { failureOf, acceptRun, newFolder, openStore, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const never = new AbortController().signal;

interface Bench {
  readonly store: Store;
  readonly runId: string;
  readonly folder: string;
  readonly workspace: string;
  readonly collect: (paths: readonly string[], exclude?: readonly string[]) => Promise<Collected>;
}

async function bench(files: Readonly<Record<string, string>> = {}): Promise<Bench> {
  const folder = newFolder();
  const workspace = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  }
  const collect = (paths: readonly string[], exclude: readonly string[] = []): Promise<Collected> => {
    const plan: ArtifactsPlan = { paths, exclude, when: "always" };
    return store.collectArtifacts(runId, workspace, plan, never);
  };
  return { store, runId, folder, workspace, collect };
}

function pathsOf(collected: Collected): readonly string[] {
  return collected.artifacts.map((artifact) => artifact.path);
}

const tree = {
  "bin/app": "app",
  "bin/sub/.hidden": "h",
  "a.xml": "a",
  "deep/er/b.xml": "b",
  "x[1].txt": "x",
  "!no": "n",
};

const globs: readonly [readonly string[], readonly string[]][] = [
  [["bin/"], ["bin/app", "bin/sub/.hidden"]],
  [["bin"], ["bin/app", "bin/sub/.hidden"]],
  [["./bin//sub/"], ["bin/sub/.hidden"]],
  [["b*"], ["bin/app", "bin/sub/.hidden"]],
  [["b*/"], ["bin/app", "bin/sub/.hidden"]],
  [["*.xml"], ["a.xml"]],
  [["**/*.xml"], ["a.xml", "deep/er/b.xml"]],
  [["**/*.{xml,txt}"], ["a.xml", "deep/er/b.xml", "x[1].txt"]],
  [["**/.hid?en"], ["bin/sub/.hidden"]],
  [["x[1].txt"], ["x[1].txt"]],
  [["!no"], ["!no"]],
  [["."], ["!no", "a.xml", "bin/app", "bin/sub/.hidden", "deep/er/b.xml", "x[1].txt"]],
  [["**"], ["!no", "a.xml", "bin/app", "bin/sub/.hidden", "deep/er/b.xml", "x[1].txt"]],
  [
    ["bin/app", "a.xml", "bin/app"],
    ["a.xml", "bin/app"],
  ],
];

for (const [paths, expected] of globs) {
  test(`${JSON.stringify(paths)} collects ${expected.length} files`, async () => {
    const { collect } = await bench(tree);
    const collected = await collect(paths);
    expect(pathsOf(collected)).toEqual(expected);
    expect([collected.missing, collected.refused]).toEqual([[], []]);
  });
}

test("globs that name nothing, or lead out of the workspace, are missing", async () => {
  const { collect, workspace } = await bench(tree);
  mkdirSync(join(workspace, "empty"));
  const paths = [
    "nothing",
    "*.no",
    "bin/app/",
    "empty/",
    "a.xml/b",
    "../**",
    "/etc/passwd",
    "bin/../a.xml",
    "",
    "a\0b",
    "x".repeat(5000),
  ];
  const collected = await collect([...paths, "a.xml"]);
  expect(pathsOf(collected)).toEqual(["a.xml"]);
  expect([collected.missing, collected.refused]).toEqual([paths, []]);
});

test("excluded files are left out", async () => {
  const { collect } = await bench(tree);
  expect(pathsOf(await collect(["**"], ["bin/", "*.txt", "!*"]))).toEqual(["a.xml", "deep/er/b.xml"]);
});

test("an artifact has its size, digest, name and an id that stays the same", async () => {
  const { collect, store, runId, folder } = await bench({ "dir/é.bin": "content", empty: "" });
  const first = await collect(["**"]);
  const sha256 = createHash("sha256").update("content").digest("hex");
  const id = createHash("sha256").update("dir/é.bin").digest("hex").slice(0, 16);
  expect(first.artifacts[0]).toEqual({ id, name: "é.bin", path: "dir/é.bin", size: 7, sha256 });
  expect(await collect(["**"])).toEqual(first);
  for (const opened of [store, await openStore(folder)]) {
    expect(await opened.artifacts(runId)).toEqual(first.artifacts);
    const found = await opened.artifactFile(runId, id);
    expect([found?.artifact]).toEqual(first.artifacts.slice(0, 1));
    expect(readFileSync(found?.file ?? "", "utf8")).toBe("content");
    for (const other of ["", "../x", "0".repeat(16), `${id}\n`, id.toUpperCase()]) {
      expect(await opened.artifactFile(runId, other)).toBeUndefined();
    }
  }
});

test("a large file is copied whole", async () => {
  const text = "0123456789".repeat(350_000);
  const { collect } = await bench({ large: text });
  const [artifact] = (await collect(["large"])).artifacts;
  expect(artifact?.sha256).toBe(createHash("sha256").update(text).digest("hex"));
  expect(artifact?.size).toBe(text.length);
});

test("what a hostile stage leaves is refused by name, and nothing outside is read", async () => {
  const secrets = newFolder();
  writeFileSync(join(secrets, "shadow"), "root:secret");
  const { collect, workspace, folder, runId } = await bench({
    good: "good",
    "evil\nname": "x",
    "evil\u009bname": "x",
    ".git/config": "x",
  });
  symlinkSync(join(secrets, "shadow"), join(workspace, "link"));
  symlinkSync(secrets, join(workspace, "folder"));
  symlinkSync(".", join(workspace, "self"));
  symlinkSync("/proc/self/environ", join(workspace, "environ"));
  Bun.spawnSync(["mkfifo", join(workspace, "fifo")]);
  const socket = Bun.listen({ unix: join(workspace, "socket"), socket: { data() {} } });
  const collected = await collect(["**", "folder/shadow", "folder/**", "self/good", ".git/config"]);
  socket.stop(true);
  expect(pathsOf(collected)).toEqual(["good", "self"]);
  const refused = collected.refused.toSorted();
  expect(refused).toContain("link: a symbolic link to an absolute path");
  expect(refused).toContain("folder: a symbolic link to an absolute path");
  expect(refused).toContain("fifo: a FIFO");
  expect(refused).toContain("socket: a socket");
  expect(refused).toContain('"evil\\nname": control characters in its name');
  expect(refused.join("")).not.toContain("\n");
  expect(readFileSync(artifactsManifest(folder, runId), "utf8")).not.toContain("secret");
});

test("the repository's own folder is never an artifact", async () => {
  const { collect } = await bench({
    ".git/hooks/post-checkout": "evil",
    ".github/x": "x",
    "sub/.git/config": "y",
  });
  expect(pathsOf(await collect(["**"]))).toEqual([".github/x", "sub/.git/config"]);
  const named = await collect([".git/hooks/"]);
  expect([named.artifacts, named.refused]).toEqual([[], [".git: the repository's own folder"]]);
});

test("a workspace whose folder can't be walked names it", async () => {
  const { collect, workspace } = await bench({ "a/b": "x" });
  symlinkSync("/etc", join(workspace, "etc"));
  const collected = await collect(["etc/passwd", "a/b"]);
  expect(pathsOf(collected)).toEqual(["a/b"]);
  expect(collected.refused).toEqual(["etc: a symbolic link; nothing behind it is looked at"]);
  expect(collected.missing).toEqual([]);
});

test("more than 10,000 files are refused as a whole", async () => {
  const { collect, workspace, folder, runId } = await bench();
  mkdirSync(join(workspace, "many"));
  for (let index = 0; index <= 10_000; index += 1) writeFileSync(join(workspace, "many", String(index)), "");
  expect(await failureOf(collect(["many/"]))).toMatchObject({ code: "artifacts_invalid" });
  expect(existsSync(artifactsFolder(folder, runId))).toBe(false);
});

test("thousands of refused files are summed up", async () => {
  const { collect, workspace } = await bench();
  for (let index = 0; index < 300; index += 1) symlinkSync("/etc/passwd", join(workspace, `link${index}`));
  const { refused } = await collect(["**"]);
  expect(refused.length).toBe(101);
  expect(refused.at(-1)).toBe("and 200 more");
});

test("a file of holes that claims more than the disk has fails before it's copied", async () => {
  const { collect, workspace, store, runId } = await bench({ small: "x" });
  Bun.spawnSync(["truncate", "-s", "8E", join(workspace, "huge")]);
  if (!existsSync(join(workspace, "huge")) || statSync(join(workspace, "huge")).size < 1e15) {
    Bun.spawnSync(["truncate", "-s", "15T", join(workspace, "huge")]);
  }
  expect(await failureOf(collect(["**"]))).toMatchObject({ code: "disk_full" });
  expect(await store.artifacts(runId)).toEqual([]);
});

test("a collection that is aborted leaves nothing", async () => {
  const { store, runId, workspace, folder } = await bench({ a: "a" });
  const reason = new RunnerError("shutting_down", "stop");
  const plan: ArtifactsPlan = { paths: ["**"], exclude: [], when: "always" };
  expect(await failureOf(store.collectArtifacts(runId, workspace, plan, AbortSignal.abort(reason)))).toBe(
    reason,
  );
  expect(existsSync(artifactsFolder(folder, runId))).toBe(false);
});

test("a manifest of artifacts that was tampered with leads nowhere", async () => {
  const { collect, store, runId, folder } = await bench({ a: "a" });
  await collect(["a"]);
  const text = readFileSync(artifactsManifest(folder, runId), "utf8");
  for (const path of ["../a", "/a", "a/../../b", "a//b", "", "."]) {
    writeFileSync(
      artifactsManifest(folder, runId),
      text.replace('"path": "a"', `"path": ${JSON.stringify(path)}`),
    );
    expect(await store.artifacts(runId)).toEqual([]);
    expect(await store.placeArtifacts(runId, newFolder())).toBe(0);
  }
});
