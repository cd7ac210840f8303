import { afterAll, afterEach, expect, test } from "bun:test";
import * as fc from "fast-check";
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../../../src/store/atomic.ts";
import { appendWhole, parseNdjson, readNdjson } from "../../../src/store/ndjson.ts";
import { failureOf, newFolder, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const folder = newFolder();
afterEach(() => rmSync(join(folder, "f"), { force: true }));
const file = join(folder, "f");

test("any prefix of a file gives the whole lines it holds and no more", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.nat(), (values, cut) => {
      const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
      const prefix = bytes.subarray(0, cut % (bytes.length + 1));
      const whole = prefix.toString("latin1").split("\n").length - 1;
      const read = parseNdjson(prefix);
      expect(read.damaged).toBe(0);
      expect(JSON.stringify(read.records)).toBe(JSON.stringify(values.slice(0, whole)));
    }),
  );
});

test("a damaged line in the middle is skipped and counted", () => {
  expect(parseNdjson(Buffer.from('{"a":1}\n{"a":\0\n\n{"a":2}\n{"a":'))).toEqual({
    records: [{ a: 1 }, { a: 2 }],
    size: 8 + 7 + 1 + 8,
    damaged: 2,
  });
});

test("random bytes are read without an error", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseNdjson(Buffer.from(bytes))));
});

test("an absent file is an empty one", () => {
  expect(readNdjson(file)).toEqual({ records: [], size: 0, damaged: 0 });
});

test("an append overwrites what a torn one left behind", () => {
  writeFileSync(file, '{"a":1}\n{"torn":"by a crash in the middle of');
  const fd = openSync(file, "r+");
  appendWhole(fd, Buffer.from('{"a":2}\n'), 8, "it");
  closeSync(fd);
  expect(readFileSync(file, "utf8")).toBe('{"a":1}\n{"a":2}\n');
});

test("a full disk is said to be one", () => {
  const fd = openSync("/dev/full", "r+");
  expect(() => appendWhole(fd, Buffer.from("x\n"), 0, "the journal")).toThrow(
    expect.objectContaining({ code: "disk_full", message: expect.stringContaining("the journal") }),
  );
  closeSync(fd);
});

// The kernel's limit on file sizes does what a full disk does: a short write without an error, then an error.
test("where room ends in the middle of a record, the file is cut back to the last whole one", async () => {
  const script = `
    const { openSync } = await import("node:fs");
    const { appendWhole } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/store/ndjson.ts"))});
    const fd = openSync(process.argv[1], "w+");
    const line = Buffer.from(JSON.stringify("x".repeat(3000)) + "\\n");
    let size = 0;
    try {
      for (;;) { appendWhole(fd, line, size, "the log"); size += line.length; }
    } catch (error) { console.log(JSON.stringify([error.code, size])); }
  `;
  const shell = 'trap "" XFSZ; ulimit -f 8; exec "$0" -e "$1" "$2"';
  const child = Bun.spawn(["bash", "-c", shell, process.execPath, script, file], { stdout: "pipe" });
  const output = await new Response(child.stdout).text();
  const blocks = 8 * 1024;
  const kept = Math.floor(blocks / 3003) * 3003;
  expect(JSON.parse(output)).toEqual(["disk_full", kept]);
  expect(statSync(file).size).toBe(kept);
});

test("an atomic write replaces the file, keeps its mode and leaves nothing else", async () => {
  await writeAtomic(file, "old", { durable: true, mode: 0o600 });
  await writeAtomic(file, "new", { durable: false, mode: 0o600 });
  expect(readFileSync(file, "utf8")).toBe("new");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("an atomic write that fails leaves the old file and no other", async () => {
  const target = join(folder, "is-a-folder");
  await Bun.write(join(target, "x"), "");
  expect(await failureOf(writeAtomic(target, "text", { durable: false }))).toBeInstanceOf(Error);
  const left = [...new Bun.Glob("*.tmp-*").scanSync(folder)];
  expect(left).toEqual([]);
});
