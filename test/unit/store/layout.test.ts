import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { resolve } from "node:path";
import {
  artifactFile,
  cacheEntryFile,
  cacheEntryName,
  cacheEntryOf,
  isRunId,
  pathPart,
  runFolder,
  workFolder,
} from "../../../src/store/layout.ts";

const runId = "019a1f3e-7c00-7abc-8def-0123456789ab";
const hostile = [
  "",
  ".",
  "..",
  "../x",
  "a/b",
  "a\0b",
  "a\nb",
  "%2e%2e",
  "~x",
  "\ud800",
  "\ud801",
  "é",
  "-rf",
  "a".repeat(10_000),
  "CON",
  ".git",
  "__proto__",
];

test("a run's folder lies in the month of its id's own time", () => {
  const month = new Date(0x019a1f3e7c00).toISOString().slice(0, 7);
  expect(runFolder("/s", runId)).toBe(`/s/runs/${month}/${runId}`);
});

test("only a UUIDv7 in lower case names a run", () => {
  expect(isRunId(Bun.randomUUIDv7())).toBe(true);
  for (const id of [...hostile, runId.toUpperCase(), `${runId}\n`, `${runId}/..`, crypto.randomUUID()]) {
    expect(isRunId(id)).toBe(false);
    expect(() => runFolder("/s", id)).toThrow();
    expect(() => workFolder("/s", id)).toThrow();
  }
  for (const id of hostile) expect(() => artifactFile("/s", runId, id)).toThrow();
});

test("any ids give a cache entry exactly three levels below the cache", () => {
  const id = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...hostile));
  fc.assert(
    fc.property(id, id, (orgId, repoId) => {
      const path = cacheEntryFile("/s", cacheEntryName(orgId, repoId, "0".repeat(40)));
      expect(resolve(path)).toBe(path);
      expect(path.startsWith("/s/cache/")).toBe(true);
      expect(path.startsWith("/s/cache/.")).toBe(false);
      expect(path.split("/").length).toBe(6);
      for (const part of path.split("/")) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(200);
    }),
  );
});

test("only a digest names a cache entry", () => {
  for (const digest of [...hostile, "0".repeat(39), "A".repeat(40)]) {
    expect(() => cacheEntryName("o", "r", digest)).toThrow();
    expect(cacheEntryOf("o/r", `${digest}.tar.zst`)).toBeUndefined();
  }
});

test("different ids have different folders, the harmless a readable one", () => {
  expect(new Set(hostile.map(pathPart)).size).toBe(hostile.length);
  expect(pathPart("test-20_alpine.x")).toBe("test-20_alpine.x");
  expect(pathPart("test:20")).toBe("test%3A20");
  expect(pathPart(".hidden")).toBe("%2Ehidden");
});
