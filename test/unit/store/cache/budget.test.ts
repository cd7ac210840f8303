import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheIndexFile, cacheUnfinishedFolder } from "../../../../src/store/layout.ts";
import { entryNameOf } from "../../../../src/store/cache/entry.ts";
import { CacheLedger } from "../../../../src/store/cache/ledger.ts";
import { CacheBench, identity, never } from "./bench.ts";

let bench: CacheBench;
beforeEach(() => {
  bench = new CacheBench();
});
afterEach(() => bench.close());

/** About 20 kB that don't compress. */
function filled(): string {
  return bench.workspace({
    "deps/a": Buffer.from(crypto.getRandomValues(new Uint8Array(15_000))).toString("base64"),
  });
}

const limit = 60_000;

function kept(keys: readonly string[]): readonly string[] {
  return keys.filter((key) => bench.has({ key }));
}

test("beyond the limit what was used longest ago goes, and no more than need be", async () => {
  for (const key of ["a", "b", "c"]) await bench.save(filled(), { key }, limit);
  await bench.restore(bench.workspace(), { key: "a" });
  await bench.save(filled(), { key: "d" }, limit);
  expect(kept(["a", "b", "c", "d"])).toEqual(["a", "c", "d"]);
  await bench.save(filled(), { key: "e" }, limit);
  expect(kept(["a", "c", "d", "e"])).toEqual(["a", "d", "e"]);
});

test("an unchanged save counts as a use", async () => {
  const workspace = filled();
  await bench.save(workspace, { key: "a" }, limit);
  for (const key of ["b", "c"]) await bench.save(filled(), { key }, limit);
  expect(await bench.save(workspace, { key: "a" }, limit)).toEqual({ kind: "unchanged" });
  await bench.save(filled(), { key: "d" }, limit);
  expect(kept(["a", "b", "c", "d"])).toEqual(["a", "c", "d"]);
});

test("a smaller limit, as a new configuration sets it, holds from the next save on", async () => {
  for (const key of ["a", "b", "c"]) await bench.save(filled(), { key }, limit);
  await bench.save(filled(), { key: "d" }, 25_000);
  expect(kept(["a", "b", "c", "d"])).toEqual(["d"]);
});

test("what is bigger than the limit isn't saved, and leaves the old entry and no trace", async () => {
  await bench.save(bench.workspace({ "deps/a": "small" }));
  expect(await bench.save(filled(), {}, 10_000)).toEqual({ kind: "too big" });
  const other = bench.workspace();
  await bench.restore(other);
  expect(readFileSync(join(other, "deps/a"), "utf8")).toBe("small");
  expect(readdirSync(cacheUnfinishedFolder(bench.state))).toEqual([]);
});

test("a file of holes that claims to be huge is too big", async () => {
  const workspace = bench.workspace({ "deps/a": "" });
  Bun.spawnSync(["truncate", "-s", "900G", join(workspace, "deps/a")]);
  expect(await bench.save(workspace, {}, 10_000_000)).toEqual({ kind: "too big" });
});

test("an entry that is being read isn't evicted", async () => {
  for (const key of ["a", "b", "c"]) await bench.save(filled(), { key }, limit);
  const clock = { now: () => bench.now, elapsed: () => 0 };
  const ledger = new CacheLedger(bench.state, clock);
  const name = entryNameOf(identity({ key: "a" }));
  const evict = () => ledger.locked(() => ledger.evict(1, entryNameOf(identity({ key: "none" }))));
  const release = [ledger.use(name), ledger.use(name)];
  release[0]?.();
  await evict();
  expect(kept(["a", "b", "c"])).toEqual(["a"]);
  release[1]?.();
  await evict();
  expect(kept(["a"])).toEqual([]);
});

test("an entry that is removed while it's read is read to its end", async () => {
  await bench.save(filled());
  const other = bench.workspace();
  const restoring = bench.restore(other);
  rmSync(bench.fileOf());
  expect((await restoring).restored).toMatchObject({ key: "k" });
  expect(existsSync(join(other, "deps/a"))).toBe(true);
});

test("a save doesn't look through the cache: what the index doesn't know isn't seen", async () => {
  await bench.save(filled(), { key: "a" }, limit);
  const unknown = bench.fileOf({ key: "unknown" });
  writeFileSync(unknown, Buffer.alloc(500_000));
  await bench.save(filled(), { key: "b" }, limit);
  expect([...kept(["a", "b"]), existsSync(unknown)]).toEqual(["a", "b", true]);
});

for (const [what, harm] of [
  ["lost", (path: string) => rmSync(path)],
  ["damaged", (path: string) => writeFileSync(path, `{"entry":"x","at":1,"bytes":5}\n{{{\n`)],
  ["torn in its last line", (path: string) => appendFileSync(path, '{"entry":"o/r/')],
  ["no index at all", (path: string) => writeFileSync(path, '{"something":"else"}\n')],
] as const) {
  test(`an index that is ${what} is made anew, from sizes and times of use`, async () => {
    for (const key of ["a", "b", "c"]) await bench.save(filled(), { key }, limit);
    await bench.restore(bench.workspace(), { key: "a" });
    utimesSync(bench.fileOf({ key: "b" }), 1_000_000, 1_000_000);
    utimesSync(bench.fileOf({ key: "c" }), 2_000_000, 2_000_000);
    harm(cacheIndexFile(bench.state));
    const request = {
      identity: identity({ key: "d" }),
      saver: { pipelineId: "p", stageId: "s", runId: "r" },
    };
    await bench.another().save({ ...request, workspace: filled(), mostBytes: limit }, never);
    expect(kept(["a", "b", "c", "d"])).toEqual(["a", "c", "d"]);
  });
}

test("the index doesn't grow with every use", async () => {
  const workspace = bench.workspace({ "deps/a": "small" });
  await bench.save(workspace);
  for (let at = 0; at < 1500; at++) await bench.save(workspace);
  const before = statSync(cacheIndexFile(bench.state)).size;
  await bench.save(bench.workspace({ "deps/a": "other" }), { key: "b" });
  expect(statSync(cacheIndexFile(bench.state)).size).toBeLessThan(before / 100);
});

test("two processes' caches know of each other's entries", async () => {
  const [one, other] = [bench.another(), bench.another()];
  const saver = { pipelineId: "p", stageId: "s", runId: "r" };
  const save = (cache: typeof one, key: string) => {
    bench.now += 1000;
    return cache.save({ identity: identity({ key }), saver, workspace: filled(), mostBytes: limit }, never);
  };
  for (const [cache, key] of [
    [one, "a"],
    [other, "b"],
    [one, "c"],
    [other, "d"],
    [one, "e"],
  ] as const)
    await save(cache, key);
  expect(kept(["a", "b", "c", "d", "e"])).toEqual(["c", "d", "e"]);
});

test("what a process that was killed was writing goes once it's old", async () => {
  await bench.save(filled());
  const folder = cacheUnfinishedFolder(bench.state);
  for (const name of ["old", "new"]) writeFileSync(join(folder, name), "half");
  utimesSync(join(folder, "old"), 1_000_000, 1_000_000);
  await bench.save(filled(), { key: "b" });
  expect(readdirSync(folder)).toEqual(["new"]);
});
