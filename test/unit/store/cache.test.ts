import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheEntryFolder, cacheFolder } from "../../../src/store/layout.ts";
import { newFolder, openStore, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const entries = [
  ["p1", "build", "k1"],
  ["p1", "build", "k2"],
  ["p1", "test", "k1"],
  ["../p2", "build", ".."],
  ["", "a/b", "k"],
] as const;

async function filled(): Promise<{
  folder: string;
  reset: (filter: object) => Promise<unknown>;
  left: () => number;
}> {
  const folder = newFolder();
  const store = await openStore(folder);
  const paths = entries.map(([pipelineId, stageId, key]) =>
    cacheEntryFolder(folder, { pipelineId, stageId, key }),
  );
  for (const path of paths) {
    mkdirSync(join(path, "sub"), { recursive: true });
    writeFileSync(join(path, "sub", "file"), "x".repeat(100));
  }
  return { folder, reset: (filter) => store.resetCache(filter), left: () => paths.filter(existsSync).length };
}

test("without a filter the whole cache goes", async () => {
  const { folder, reset, left } = await filled();
  expect(await reset({})).toEqual({ cleared: 5, bytes: 500 });
  expect(left()).toBe(0);
  expect(await reset({})).toEqual({ cleared: 0, bytes: 0 });
  expect(readdirSync(cacheFolder(folder))).not.toContain(".trash");
});

test("a filter takes what it names and leaves the rest", async () => {
  const cases = [
    [{ pipelineId: "p1" }, 3],
    [{ stageId: "build" }, 3],
    [{ pipelineId: "p1", stageId: "build" }, 2],
    [{ pipelineId: "../p2" }, 1],
    [{ pipelineId: "" }, 1],
    [{ stageId: "a/b" }, 1],
    [{ pipelineId: ".." }, 0],
    [{ pipelineId: "p1", stageId: "../build" }, 0],
  ] as const;
  for (const [filter, count] of cases) {
    const { reset, left } = await filled();
    expect(await reset(filter)).toEqual({ cleared: count, bytes: count * 100 });
    expect(left()).toBe(entries.length - count);
  }
});

test("links in the cache are removed, not followed", async () => {
  const { folder, reset } = await filled();
  const outside = newFolder();
  writeFileSync(join(outside, "kept"), "x".repeat(5000));
  symlinkSync(
    outside,
    join(cacheEntryFolder(folder, { pipelineId: "p1", stageId: "test", key: "k1" }), "link"),
  );
  symlinkSync(outside, join(cacheFolder(folder), "link"));
  await reset({});
  expect(readdirSync(outside)).toEqual(["kept"]);
});

test("a cache that was never made is empty", async () => {
  const store = await openStore(newFolder());
  expect(await store.resetCache({ pipelineId: "p" })).toEqual({ cleared: 0, bytes: 0 });
});

test("what an interrupted reset left is removed and not counted again", async () => {
  const { folder, reset } = await filled();
  const trash = join(cacheFolder(folder), ".trash");
  mkdirSync(join(trash, "a", "b", "c"), { recursive: true });
  expect(await reset({})).toEqual({ cleared: 5, bytes: 500 });
  expect(existsSync(trash)).toBe(false);
});
