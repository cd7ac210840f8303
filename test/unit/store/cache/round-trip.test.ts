import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CacheBench, listing } from "./bench.ts";

let bench: CacheBench;
beforeEach(() => {
  bench = new CacheBench();
});
afterEach(() => bench.close());

/** All that a file has, but for its place. */
function factsOf(path: string): unknown {
  const { mode, uid, gid, size, mtimeMs, nlink } = lstatSync(path);
  const isLink = lstatSync(path).isSymbolicLink();
  const content = isLink ? readlinkSync(path) : lstatSync(path).isFile() ? readFileSync(path, "latin1") : "";
  return {
    mode,
    uid,
    gid,
    size: isLink || content !== "" ? size : 0,
    nlink,
    mtime: Math.round(mtimeMs * 1000),
    content,
  };
}

function treeOf(folder: string): Record<string, unknown> {
  return Object.fromEntries(listing(folder).map((path) => [path, factsOf(join(folder, path))]));
}

test("files, folders and links come back as they were", async () => {
  const workspace = bench.workspace({ "deps/a": "one", "deps/sub/run": "#!/bin/sh\n", "deps/empty": "" });
  const at = (path: string): string => join(workspace, "deps", path);
  chmodSync(at("sub/run"), 0o750);
  chmodSync(at("a"), 0o444);
  mkdirSync(at("nothing"), 0o711);
  symlinkSync("../a", at("sub/link"));
  symlinkSync("/etc/passwd", at("outside"));
  symlinkSync("nowhere", at("dangling"));
  linkSync(at("sub/run"), at("same"));
  const long = `${"n".repeat(90)}/${"é".repeat(100)}`;
  mkdirSync(at(long), { recursive: true });
  writeFileSync(join(at(long), "ü\n\"'"), "odd");
  writeFileSync(at("big"), Buffer.alloc(3_000_001, "0123456789abc"));
  utimesSync(at("a"), 1_000_000_000.123457, 1_000_000_000.123457);
  lutimesSync(at("outside"), 1_000_000_001.5, 1_000_000_001.5);
  if (process.geteuid?.() === 0) chownSync(at("a"), 1234, 4321);
  utimesSync(at("nothing"), 999_999_999, 999_999_999);
  expect(await bench.save(workspace)).toMatchObject({ kind: "saved", refused: [] });

  const other = bench.workspace({ "src/main": "x" });
  expect((await bench.restore(other)).restored).toMatchObject({ key: "k", stageId: "build" });
  expect(treeOf(join(other, "deps"))).toEqual(treeOf(join(workspace, "deps")));
  expect(factsOf(join(other, "deps"))).toEqual(factsOf(join(workspace, "deps")));
  expect(lstatSync(join(other, "deps/same")).ino).toBe(lstatSync(join(other, "deps/sub/run")).ino);
  expect(readFileSync(join(other, "src/main"), "utf8")).toBe("x");
});

test("what was restored and left alone isn't saved again; what changed is", async () => {
  const workspace = bench.workspace({ "deps/a": "one", "deps/sub/b": "two" });
  await bench.save(workspace);
  expect(await bench.save(workspace)).toEqual({ kind: "unchanged" });
  const other = bench.workspace();
  await bench.restore(other);
  expect(await bench.save(other)).toEqual({ kind: "unchanged" });
  writeFileSync(join(other, "deps/a"), "ONE");
  expect(await bench.save(other)).toMatchObject({ kind: "saved" });
});

test("restored files stand beside and in place of those of the checkout", async () => {
  await bench.save(bench.workspace({ "deps/a": "cached", "deps/sub/b": "cached", "deps/link": "cached" }));
  const other = bench.workspace({ "deps/a": "tracked", "deps/own": "tracked", "deps/sub/own": "tracked" });
  symlinkSync("/etc/passwd", join(other, "deps/link"));
  await bench.restore(other);
  expect(listing(other)).toEqual([
    "deps",
    "deps/a",
    "deps/link",
    "deps/own",
    "deps/sub",
    "deps/sub/b",
    "deps/sub/own",
  ]);
  for (const path of ["a", "sub/b", "link"])
    expect(readFileSync(join(other, "deps", path), "utf8")).toBe("cached");
  expect(lstatSync(join(other, "deps/link")).isSymbolicLink()).toBe(false);
});

test("globs name files and whole folders, a slash at the end folders only", async () => {
  const files = [
    "packages/a/node_modules/x/y",
    "packages/b/node_modules/z",
    "packages/a/src",
    "a.o",
    "sub/b.o",
    "out",
    "sub/out/c",
  ];
  const workspace = bench.workspace(Object.fromEntries(files.map((path) => [path, path])));
  const paths = ["packages/*/node_modules/", "**/*.o", "**/out/", "none/*"];
  await bench.save(workspace, { paths });
  const other = bench.workspace();
  await bench.restore(other, { paths });
  const names = listing(other).filter((path) => lstatSync(join(other, path)).isFile());
  expect(names).toEqual([
    "a.o",
    "packages/a/node_modules/x/y",
    "packages/b/node_modules/z",
    "sub/b.o",
    "sub/out/c",
  ]);
});

test("the repository's own .git is in no cache", async () => {
  const workspace = bench.workspace({ ".git/config": "[core]", "lib/.git/HEAD": "x", file: "y" });
  await bench.save(workspace, { paths: ["."] });
  expect(await bench.save(workspace, { paths: [".git/hooks", ".git"] })).toEqual({
    kind: "nothing",
    refused: [],
  });
  const other = bench.workspace();
  await bench.restore(other, { paths: ["."] });
  expect(listing(other)).toEqual(["file", "lib", "lib/.git", "lib/.git/HEAD"]);
});

test("another organization, repository, branch, key or list of paths is another cache", async () => {
  await bench.save(bench.workspace({ "deps/a": "one" }));
  const others = [{ orgId: "x" }, { repoId: "x" }, { scope: "x" }, { key: "x" }, { paths: ["deps/"] }];
  for (const more of others) expect((await bench.restore(bench.workspace(), more)).restored).toBeUndefined();
});

test("for a stage that is neither root nor the owner, all may read and write what is restored", async () => {
  const workspace = bench.workspace({ "deps/a": "one", "deps/run": "x" });
  chmodSync(join(workspace, "deps/a"), 0o600);
  chmodSync(join(workspace, "deps/run"), 0o700);
  await bench.save(workspace);
  const other = bench.workspace();
  await bench.restore(other, {}, { isRoot: false, uid: undefined });
  const modes = ["deps", "deps/a", "deps/run"].map((path) => lstatSync(join(other, path)).mode & 0o777);
  expect(modes).toEqual([0o777, 0o666, 0o777]);
});
