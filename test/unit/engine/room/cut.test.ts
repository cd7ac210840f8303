import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { OutputLine } from "../../../../src/engine/engine.ts";
import { Cutter, longestPiece } from "../../../../src/engine/room/cut.ts";
import { Marks } from "../../../../src/engine/room/marks.ts";
import { textOf } from "../../../support/engine-contract.ts";

const nonce = "0123456789abcdef0123456789abcdef";

function mark(text: string): string {
  return `\u001e${nonce} ${text}\u001e`;
}

/** Feeds `bytes` so many at a time, as a log that grows, and reads what wasn't used again with what follows. */
function cutInChunks(bytes: Buffer, chunk: number): { lines: OutputLine[]; marks: Marks; used: number } {
  const cutter = new Cutter(nonce);
  const marks = new Marks();
  const lines: OutputLine[] = [];
  let offset = 0;
  for (let end = Math.min(chunk, bytes.length); ; end = Math.min(end + chunk, bytes.length)) {
    const last = end === bytes.length;
    const cut = cutter.cut(bytes.subarray(offset, end), marks, last);
    lines.push(...cut.lines);
    offset += cut.used;
    if (last || marks.end !== undefined) return { lines, marks, used: offset };
  }
}

describe("cutting output into lines", () => {
  test("lines end at line feeds, and carriage returns are part of them", () => {
    const { lines } = cutInChunks(Buffer.from("a\nb\r\n\nc\rd\n"), 100);
    expect(lines.map(({ text }) => text)).toEqual(["a", "b\r", "", "c\rd"]);
  });

  test("marks are taken out and say whose output follows, in the midst of a line too", () => {
    const bytes = Buffer.from(`${mark("b 1 0 1.00")}one\ntw${mark("b 2 0 2.50")}o\n${mark("e 0 3.00")}`);
    const { lines, marks } = cutInChunks(bytes, 1000);
    expect(lines).toEqual([
      { step: 1, text: "one" },
      { step: 1, text: "tw", partial: true },
      { step: 2, text: "o" },
    ]);
    expect(marks.steps()).toEqual([
      { step: 1, exitCode: 0, durationSeconds: 1.5 },
      { step: 2, exitCode: 0, durationSeconds: 0.5 },
    ]);
  });

  test("nothing after the end mark is output", () => {
    const { lines, marks } = cutInChunks(Buffer.from(`a\n${mark("x 3 100 2000000000 1 9.0")}late\n`), 1000);
    expect(textOf(lines)).toBe("a\n");
    expect(marks.end).toEqual({
      exitCode: 3,
      outOfMemoryKills: 1,
      peakMemoryBytes: 100,
      cpuSeconds: 2,
    });
  });

  test("an unfinished line waits for its end, unless nothing will follow", () => {
    const cutter = new Cutter(nonce);
    expect(cutter.cut(Buffer.from("ab\ncd"), new Marks(), false)).toEqual({
      lines: [{ step: 0, text: "ab" }],
      used: 3,
    });
    expect(cutter.cut(Buffer.from("cd"), new Marks(), true)).toEqual({
      lines: [{ step: 0, text: "cd", partial: true }],
      used: 2,
    });
  });

  test("a long line is cut between characters", () => {
    const line = "€".repeat(longestPiece);
    const { lines } = cutInChunks(Buffer.from(`${line}\n`), 256 * 1024);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.every(({ text }) => !text.includes("\uFFFD"))).toBe(true);
    expect(textOf(lines) === `${line}\n`).toBe(true);
  });

  test("a mark without an end is a forgery: its words are output, and nothing is held back for ever", () => {
    const forged = `\u001e${nonce} b 1 0 1.0 and so on ${"x".repeat(300)}\nmore\n`;
    const { lines, marks } = cutInChunks(Buffer.from(forged), 1000);
    expect(textOf(lines)).toContain("more\n");
    expect(marks.steps()).toEqual([]);
  });

  test("however the bytes arrive, the lines and the steps are the same", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom("\n", "\r\n", "\u001e", `\u001e${nonce}`, `\u001e${nonce} `),
      fc.integer({ min: 1, max: 9 }).map((step) => mark(`b ${String(step)} 0 1.00`)),
      fc.integer({ min: 60_000, max: 70_000 }).map((length) => "y".repeat(length)),
    );
    const output = fc.array(piece, { maxLength: 12 });
    fc.assert(
      fc.property(output, fc.integer({ min: 1, max: 5000 }), (pieces, chunk) => {
        const bytes = Buffer.from(pieces.join(""));
        const whole = cutInChunks(bytes, bytes.length + 1);
        const parts = cutInChunks(bytes, chunk);
        expect(parts.lines).toEqual(whole.lines);
        expect(parts.marks.steps()).toEqual(whole.marks.steps());
        expect(parts.used).toBe(whole.used);
      }),
      { numRuns: 300 },
    );
  });
});

describe("marks", () => {
  test("words that make no sense are left out", () => {
    const marks = new Marks();
    for (const text of [
      "",
      "b",
      "b x 0 1",
      "b -1 0 1",
      "b 1e3 0 1",
      "x",
      "x 256 1 1 1",
      "x -1",
      "e",
      "zz 1 2",
      "b 999999999 0 1",
    ]) {
      marks.read(text);
    }
    expect(marks.steps()).toEqual([]);
    expect(marks.end).toBeUndefined();
  });

  test("steps only go forward, and time that runs backward is no time", () => {
    const marks = new Marks();
    for (const text of ["b 2 0 100.00", "b 1 0 101.00", "b 3 0 50.00", "e 4 60.00"]) marks.read(text);
    expect(marks.steps()).toEqual([
      { step: 2, exitCode: 0, durationSeconds: 0 },
      { step: 3, exitCode: 4, durationSeconds: 10 },
    ]);
  });
});
