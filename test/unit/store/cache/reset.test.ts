import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CacheFilter } from "../../../../src/store/cache/reset.ts";
import { cacheFolder } from "../../../../src/store/layout.ts";
import { CacheBench } from "./bench.ts";

let bench: CacheBench;
beforeEach(() => {
  bench = new CacheBench();
});
afterEach(() => bench.close());

const entries = [
  { pipelineId: "p1", stageId: "build", key: "k1", orgId: "o", repoId: "r" },
  { pipelineId: "p1", stageId: "build", key: "k2", orgId: "o", repoId: "r" },
  { pipelineId: "p1", stageId: "test", key: "k3", orgId: "o", repoId: "other" },
  { pipelineId: "../p2", stageId: "build", key: "..", orgId: "..", repoId: "a/b" },
  { pipelineId: "", stageId: "a/b", key: "k", orgId: "", repoId: "r" },
] as const;

async function fill(): Promise<void> {
  const workspace = bench.workspace({ "deps/a": "one" });
  for (const { pipelineId, stageId, ...more } of entries)
    await bench.saveAs({ pipelineId, stageId }, workspace, more);
}

const left = (): number => entries.filter((entry) => bench.has(wanted(entry))).length;
const wanted = ({ key, orgId, repoId }: (typeof entries)[number]) => ({ key, orgId, repoId });
const sizeOf = (entry: (typeof entries)[number]): number => statSync(bench.fileOf(wanted(entry))).size;

test("without a filter the whole cache goes", async () => {
  await fill();
  const bytes = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  expect(await bench.cache.reset({})).toEqual({ cleared: 5, bytes });
  expect(left()).toBe(0);
  expect(await bench.cache.reset({})).toEqual({ cleared: 0, bytes: 0 });
});

const filters: readonly (readonly [CacheFilter, readonly number[]])[] = [
  [{ pipelineId: "p1" }, [0, 1, 2]],
  [{ stageId: "build" }, [0, 1, 3]],
  [{ pipelineId: "p1", stageId: "build" }, [0, 1]],
  [{ pipelineId: "../p2" }, [3]],
  [{ pipelineId: "" }, [4]],
  [{ stageId: "a/b" }, [4]],
  [{ pipelineId: ".." }, []],
  [{ repository: { orgId: "o", repoId: "r" } }, [0, 1]],
  [{ repository: { orgId: "..", repoId: "a/b" } }, [3]],
  [{ repository: { orgId: "o", repoId: ".." } }, []],
  [{ repository: { orgId: "o", repoId: "r" }, stageId: "test" }, []],
];

test("a filter takes what it names and leaves the rest", async () => {
  for (const [filter, named] of filters) {
    await fill();
    const bytes = named.reduce((sum, at) => sum + sizeOf(entries[at] ?? entries[0]), 0);
    expect([filter, await bench.cache.reset(filter)]).toEqual([filter, { cleared: named.length, bytes }]);
    expect(left()).toBe(entries.length - named.length);
  }
});

test("links in the cache lead nowhere, and what is none of ours stays", async () => {
  await fill();
  const outside = bench.workspace({ kept: "x" });
  symlinkSync(outside, join(cacheFolder(bench.state), "link"));
  symlinkSync(outside, join(dirname(bench.fileOf()), "link"));
  mkdirSync(join(cacheFolder(bench.state), "o/r/folder"));
  writeFileSync(join(cacheFolder(bench.state), "o/r/README"), "mine");
  await bench.cache.reset({});
  expect(readdirSync(outside)).toEqual(["kept"]);
  expect(readdirSync(join(cacheFolder(bench.state), "o/r")).toSorted()).toEqual(["README", "folder", "link"]);
});

test("damaged entries go with all, and with their repository; a stage's reset can't know them", async () => {
  await fill();
  writeFileSync(bench.fileOf({ key: "k1" }), "nonsense");
  expect(await bench.cache.reset({ stageId: "build" })).toMatchObject({ cleared: 2 });
  expect(await bench.cache.reset({ repository: { orgId: "o", repoId: "r" } })).toEqual({
    cleared: 1,
    bytes: 8,
  });
});

test("a cache that was never made is empty", async () => {
  expect(await bench.cache.reset({ pipelineId: "p" })).toEqual({ cleared: 0, bytes: 0 });
});

test("entries are listed with what they are and who saved them; damaged ones aren't", async () => {
  await fill();
  writeFileSync(bench.fileOf({ key: "k1" }), "nonsense");
  const found: string[] = [];
  for await (const { entry } of bench.cache.entries())
    found.push(`${entry.orgId}/${entry.repoId} ${entry.key} ${entry.stageId}`);
  expect(found.toSorted()).toEqual(["../a/b .. build", "/r k a/b", "o/other k3 test", "o/r k2 build"]);
});
