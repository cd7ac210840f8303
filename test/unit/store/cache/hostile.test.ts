import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { encodeHeader, headerLength } from "../../../../src/store/cache/header.ts";
import { encodeTarHeader, type TarEntry } from "../../../../src/store/cache/tar-header.ts";
import { CacheBench, identity, listing } from "./bench.ts";

let bench: CacheBench;
beforeEach(() => {
  bench = new CacheBench();
});
afterEach(() => bench.close());

test("saving follows no link, reads no FIFO and takes nothing from outside of the workspace", async () => {
  const outside = bench.workspace({ secret: "secret" });
  const workspace = bench.workspace({ "deps/a": "one", "real/b": "two" });
  symlinkSync(outside, join(workspace, "deps/out"));
  symlinkSync(outside, join(workspace, "linked"));
  Bun.spawnSync(["mkfifo", join(workspace, "deps/fifo")]);
  const paths = [
    "deps",
    "linked",
    "linked/secret",
    "linked/**",
    "/etc/passwd",
    "../x",
    "deps/../../y",
    "deps/out/secret",
  ];
  const saved = await bench.save(workspace, { paths });
  expect(saved).toMatchObject({ kind: "saved" });
  expect("refused" in saved && saved.refused.join("\n")).toContain("deps/fifo: neither");
  const other = bench.workspace();
  await bench.restore(other, { paths });
  expect(listing(other)).toEqual(["deps", "deps/a", "deps/out", "linked"]);
});

for (const [what, make] of [
  ["a link to a folder outside", (path: string, outside: string) => symlinkSync(outside, path)],
  ["a file", (path: string) => writeFileSync(path, "tracked")],
  ["a dangling link", (path: string) => symlinkSync("nowhere", path)],
] as const) {
  test(`${what} in the place of a cached folder is in the way, and nothing is placed`, async () => {
    await bench.save(bench.workspace({ "deps/a": "one", "lib/b": "two" }), { paths: ["deps", "lib"] });
    for (const place of ["deps", "lib"]) {
      const outside = bench.workspace();
      const other = bench.workspace({ "src/own": "x" });
      make(join(other, place), outside);
      const before = listing(other);
      expect(bench.restore(other, { paths: ["deps", "lib"] })).rejects.toThrow(`"${place}" is a `);
      await bench.restore(other, { paths: ["deps", "lib"] }).catch(() => {});
      expect(listing(other)).toEqual(before);
      expect(listing(outside)).toEqual([]);
      expect(existsSync(`${other}.scratch`)).toBe(false);
    }
  });
}

test("a restore that can't be finished puts back what it had replaced", async () => {
  await bench.save(bench.workspace({ "a/x": "new", "m/file": "new", "z/sub/y": "new" }), {
    paths: ["a", "m", "z"],
  });
  const other = bench.workspace({ "m/file": "old", "z/sub": "in the way" });
  expect(bench.restore(other, { paths: ["a", "m", "z"] })).rejects.toThrow('"z/sub" is a file');
  await bench.restore(other, { paths: ["a", "m", "z"] }).catch(() => {});
  expect(listing(other)).toEqual(["m", "m/file", "z", "z/sub"]);
  expect(readFileSync(join(other, "m/file"), "utf8")).toBe("old");
});

const plain = { mode: 0o644, uid: 0, gid: 0, mtimeMicros: 0, size: 0, target: "" };

/** An entry with an archive that none of ours would write. */
function forge(entries: readonly (TarEntry | string)[], rawBytes?: number): void {
  const text = entries.map((entry) => (typeof entry === "string" ? entry : encodeTarHeader(entry))).join("");
  const raw = Buffer.from(`${text}${"\0".repeat(1024)}`, "latin1");
  const archive = zstdCompressSync(raw);
  const entry = {
    ...identity(),
    version: 1 as const,
    pipelineId: "p",
    stageId: "s",
    runId: "r",
    savedAt: "2026-01-01T00:00:00.000Z",
    files: entries.length,
    rawBytes: rawBytes ?? raw.length,
    storedBytes: 0,
    fingerprint: "f",
  };
  const length = headerLength(entry);
  const header = encodeHeader({ ...entry, storedBytes: length + archive.length }, length);
  mkdirSync(dirname(bench.fileOf()), { recursive: true });
  writeFileSync(bench.fileOf(), Buffer.concat([header, archive]));
}

const forged: Readonly<Record<string, readonly (TarEntry | string)[]>> = {
  "a path upwards": [{ ...plain, kind: "file", path: "../escaped" }],
  "an absolute path": [{ ...plain, kind: "file", path: "/tmp/escaped" }],
  "a path upwards in a pax record": [{ ...plain, kind: "file", path: `${"x/".repeat(80)}../../escaped` }],
  "a file below a link": [
    { ...plain, kind: "link", path: "deps", target: ".." },
    { ...plain, kind: "file", path: "deps/escaped" },
  ],
  "a hard link to what is outside": [
    { ...plain, kind: "hardlink", path: "deps", target: "../../../etc/passwd" },
  ],
  "an empty path": [{ ...plain, kind: "file", path: "" }],
  "no header at all": ["x".repeat(512)],
  "a file that is longer than the archive": [{ ...plain, kind: "file", path: "deps", size: 10 ** 9 }],
};

for (const [what, entries] of Object.entries(forged)) {
  test(`an archive with ${what} is damaged, and nothing of it is placed`, async () => {
    forge(entries);
    const other = bench.workspace();
    const around = listing(bench.folder).filter((path) => !path.startsWith("state/cache"));
    const result = await bench.restore(other).catch((error: unknown) => error);
    if (!(result instanceof Error)) {
      expect(result).toMatchObject({ restored: undefined, damaged: [{ key: "k" }] });
      expect(bench.has()).toBe(false);
    }
    expect(listing(bench.folder).filter((path) => !path.startsWith("state/cache"))).toEqual(around);
  });
}

test("an archive that unpacks to more than it says is damaged", async () => {
  forge([{ ...plain, kind: "file", path: "deps", size: 512 }, "x".repeat(512)], 1024);
  expect(await bench.restore(bench.workspace())).toMatchObject({
    restored: undefined,
    damaged: [{ key: "k" }],
  });
});

test("whichever byte is flipped, what is restored is whole or a miss that says so", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`deps/${at}`, crypto.randomUUID().repeat(at)]),
  );
  const workspace = bench.workspace(files);
  await bench.save(workspace);
  const good = readFileSync(bench.fileOf());
  for (let at = 0; at < good.length; at += 1 + Math.floor(good.length / 150)) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
    writeFileSync(bench.fileOf(), bad);
    const other = bench.workspace();
    const { restored, damaged } = await bench.restore(other);
    expect([at, damaged.length]).toEqual([at, restored === undefined ? 1 : 0]);
    expect(listing(other)).toEqual(restored === undefined ? [] : listing(workspace));
    expect(bench.has()).toBe(restored !== undefined);
    rmSync(other, { recursive: true });
  }
});

test("an entry that is cut off anywhere is a miss, and is removed", async () => {
  await bench.save(bench.workspace({ "deps/a": crypto.randomUUID().repeat(20) }));
  const good = readFileSync(bench.fileOf());
  for (const length of [0, 1, 7, 8, 9, 100, good.length - 500, good.length - 5, good.length - 1]) {
    writeFileSync(bench.fileOf(), good);
    truncateSync(bench.fileOf(), length);
    const other = bench.workspace();
    expect(await bench.restore(other)).toMatchObject({ restored: undefined, damaged: [{ key: "k" }] });
    expect(listing(other)).toEqual([]);
    expect(bench.has()).toBe(false);
  }
});

test("an entry under another one's name is damaged: names aren't taken from files", async () => {
  await bench.save(bench.workspace({ "deps/a": "one" }));
  mkdirSync(dirname(bench.fileOf({ orgId: "other" })), { recursive: true });
  writeFileSync(bench.fileOf({ orgId: "other" }), readFileSync(bench.fileOf()));
  expect((await bench.restore(bench.workspace(), { orgId: "other" })).restored).toBeUndefined();
});

test("what replaces an entry while it's read doesn't reach the reader", async () => {
  await bench.save(bench.workspace({ "deps/a": "old", "deps/old": "x" }));
  await bench.save(bench.workspace({ "deps/a": "new" }), { key: "new" });
  const other = bench.workspace();
  const restoring = bench.restore(other);
  renameSync(bench.fileOf({ key: "new" }), bench.fileOf());
  await restoring;
  expect(readFileSync(join(other, "deps/a"), "utf8")).toBe("old");
  expect(listing(other)).toContain("deps/old");
});
