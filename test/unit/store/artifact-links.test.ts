import { afterAll, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Collected } from "../../../src/store/artifacts.ts";
import { artifactsManifest } from "../../../src/store/layout.ts";
import type { Store } from "../../../src/store/store.ts";
import { acceptRun, failureOf, newFolder, openStore, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const never = new AbortController().signal;

interface Bench {
  readonly folder: string;
  readonly store: Store;
  readonly runId: string;
  readonly workspace: string;
  readonly collect: (...paths: readonly string[]) => Promise<Collected>;
}

/** A workspace with files, and links from path to target. */
async function bench(files: readonly string[], links: Readonly<Record<string, string>>): Promise<Bench> {
  const folder = newFolder();
  const workspace = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  const place = (path: string): string => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    return join(workspace, path);
  };
  for (const path of files) writeFileSync(place(path), path);
  for (const [path, target] of Object.entries(links)) symlinkSync(target, place(path));
  const collect = (...paths: readonly string[]): Promise<Collected> =>
    store.collectArtifacts(runId, workspace, { paths, exclude: [], when: "always" }, never);
  return { folder, store, runId, workspace, collect };
}

test("links that stay inside are kept as links: listed, hashed, and put in place again", async () => {
  const links = {
    "lib/libx.so": "libx.so.1",
    "lib/libx.so.1": "libx.so.1.2",
    "node_modules/.bin/tool": "../tool/cli.js",
    "node_modules/dangling": "gone/../".slice(0, 4),
    current: "lib",
    "a/b/up": "../..",
    "lib/ö": "./libx.so.1.2",
  };
  const files = ["lib/libx.so.1.2", "node_modules/tool/cli.js"];
  const { store, runId, collect } = await bench(files, links);
  const { artifacts, refused } = await collect("**");
  expect(refused).toEqual([]);
  expect(artifacts.map(({ path }) => path)).toEqual([...files, ...Object.keys(links)].toSorted());
  const tool = artifacts.find(({ path }) => path === "node_modules/.bin/tool");
  expect(tool).toMatchObject({ name: "tool", link: "../tool/cli.js", size: 14 });
  expect(tool?.sha256).toBe(new Bun.CryptoHasher("sha256").update("../tool/cli.js").digest("hex"));
  const stored = await store.artifactFile(runId, tool?.id ?? "");
  expect(readFileSync(stored?.file ?? "", "utf8")).toBe("../tool/cli.js");
  const next = newFolder();
  mkdirSync(join(next, "lib"));
  symlinkSync("/etc/passwd", join(next, "lib/libx.so"));
  expect(await store.placeArtifacts(runId, next)).toBe(artifacts.length);
  for (const [path, target] of Object.entries(links)) expect(readlinkSync(join(next, path))).toBe(target);
  expect(readFileSync(join(next, "lib/libx.so"), "utf8")).toBe("lib/libx.so.1.2");
});

test("a link by its own name is kept, and a folder of links too", async () => {
  const { collect } = await bench(["v1/app"], { current: "v1", "links/a": "../v1" });
  expect((await collect("current", "links/")).artifacts.map(({ path }) => path)).toEqual([
    "current",
    "links/a",
  ]);
  const { artifacts, refused } = await collect("current/app");
  expect(artifacts).toEqual([]);
  expect(refused).toEqual(["current: a symbolic link; nothing behind it is looked at"]);
});

const leading: readonly (readonly [string, string])[] = [
  ["x", "/etc/passwd"],
  ["x", "//etc"],
  ["x", "/"],
  ["x", ".."],
  ["x", "./../y"],
  ["a/x", "../../y"],
  ["a/b/x", "../.././../y"],
  ["x", "y/../../z"],
  ["x", "y/.."],
  ["a/x", "../b/../../.."],
  ["x", ".git"],
  ["x", "./.git/hooks/post-checkout"],
  ["a/x", "../.git/config"],
  ["x", "y\nleft out nothing"],
  ["x", "\u001b[31m"],
  ["x", "\u2028"],
];
test.each(leading)("a link at %j to %j is refused by name", async (path, target) => {
  const { collect, folder, runId } = await bench(["good"], { [path]: target });
  const { artifacts, refused } = await collect("**");
  expect(artifacts.map((artifact) => artifact.path)).toEqual(["good"]);
  expect(refused).toHaveLength(1);
  expect(refused[0]).toStartWith(`${path}: a symbolic link `);
  expect(refused[0]).not.toMatch(/\p{Cc}|passwd/u);
  expect(readFileSync(artifactsManifest(folder, runId), "utf8")).not.toContain("passwd");
});

test("links that together lead out are no way out", async () => {
  // p/q/l is "a", one level deep; up three from there would be outside, and looks as if it were inside.
  const { collect } = await bench(["a/x"], { "p/q/l": "../../a", out: "p/q/l/../../.." });
  const { artifacts, refused } = await collect("**");
  expect(artifacts.map(({ path }) => path)).toEqual(["a/x", "p/q/l"]);
  expect(refused).toEqual(['out: a symbolic link with ".." behind a name in its target']);
});

test("a link isn't written through, whichever need brought it", async () => {
  const first = await bench(["real/x"], { folder: "real" });
  await first.collect("**");
  const second = await bench(["folder/x"], {});
  await second.collect("**");
  const workspace = newFolder();
  await first.store.placeArtifacts(first.runId, workspace);
  const failure = await failureOf(second.store.placeArtifacts(second.runId, workspace));
  expect(failure).toMatchObject({ code: "artifacts_invalid" });
  expect(readFileSync(join(workspace, "real/x"), "utf8")).toBe("real/x");
});

test("a seal that was tampered with puts no link that leads out", async () => {
  const { collect, folder, store, runId } = await bench([], { l: "x" });
  await collect("**");
  const manifest = artifactsManifest(folder, runId);
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"link": "x"', '"link": "/etc"'));
  const workspace = newFolder();
  const message = expect.stringContaining("to an absolute path");
  expect(await failureOf(store.placeArtifacts(runId, workspace))).toMatchObject({ message });
  expect(lstatSync(join(workspace, "l"), { throwIfNoEntry: false })).toBeUndefined();
  expect(existsSync(join(workspace, "l"))).toBe(false);
});
