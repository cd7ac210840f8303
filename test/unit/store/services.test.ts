import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endOf, readServices, writeServiceLog, writeServices } from "../../../src/store/services.ts";
import { serviceLogFile, servicesFile, servicesFolder } from "../../../src/store/layout.ts";

const runId = "0193a000-0000-7000-8000-000000000000";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gitfoss-services-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("what was recorded of services is read again", async () => {
  const db = { alias: "db", image: "postgres:16", state: "ended", exitCode: 137, outOfMemory: true } as const;
  expect(readServices(folder, runId)).toEqual([]);
  await writeServices(folder, runId, [db]);
  expect(readServices(folder, runId)).toEqual([db]);
});

test.each(["", "{", "[]", '{"version":2,"services":[]}', '{"version":1,"services":[{"alias":1}]}'])(
  "a record that is %p is none",
  async (text) => {
    await writeServices(folder, runId, []);
    writeFileSync(servicesFile(folder, runId), text);
    expect(readServices(folder, runId)).toEqual([]);
  },
);

test("no alias leads out of the folder", async () => {
  for (const alias of ["../../../x", "..", "/etc/passwd", "a\u0000b", "services"]) {
    await writeServiceLog(folder, { runId, alias }, { lines: ["hello"], isCut: false });
    expect(readFileSync(serviceLogFile(folder, runId, alias), "utf8")).toBe("hello\n");
  }
  expect(readdirSync(servicesFolder(folder, runId))).toHaveLength(5);
  expect(existsSync(join(folder, "x.log"))).toBe(false);
});

test("of a long log the end is kept, in whole lines, and its first line says so", () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${String(i)} é`);
  const kept = endOf({ lines, isCut: false }, 100).trimEnd().split("\n");
  expect(kept[0]).toBe("[what came before is left out: of a service's log the last 100 B are kept]");
  expect(kept.at(-1)).toBe("line 999 é");
  expect(Buffer.byteLength(kept.slice(1).join("\n"))).toBeLessThanOrEqual(100);
  expect(endOf({ lines: ["one"], isCut: false }, 100)).toBe("one\n");
  expect(endOf({ lines: ["one"], isCut: true }, 100)).toStartWith("[what came before");
  expect(endOf({ lines: ["x".repeat(200)], isCut: false }, 100)).toEndWith(`kept]\n${"x".repeat(99)}\n`);
  expect(endOf({ lines: [], isCut: false }, 100)).toBe("");
});
