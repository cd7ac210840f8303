import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { LastLines } from "../../../../src/cli/exec/last-lines.ts";
import { parseLogLines } from "../../../../src/cli/exec/log-lines.ts";
import { StageOutput, type Piece } from "../../../../src/cli/exec/stage-output.ts";
import type { LogLine } from "../../../../src/events/event.ts";
import { lines } from "./samples.ts";

const textOf = (pieces: readonly Piece[]) => pieces.map(({ text }) => text).join("");
const words = (text: string): LogLine => ({ seq: 1, time: "", stream: "runner", step: 0, text });

describe("output without a prefix", () => {
  test("is the log's own bytes, unfinished lines and control bytes too", () => {
    const output = new StageOutput("");
    expect(textOf(output.add(lines("a", "b…", "c", "", "\u001b[31mred\r50%…")))).toBe(
      "a\nbc\n\n\u001b[31mred\r50%",
    );
    expect(output.end()).toEqual([]);
  });
});

describe("output with a prefix", () => {
  test("has it once a line, however many parts the line comes in", () => {
    const output = new StageOutput("[test] ");
    expect(textOf(output.add(lines("a", "b…")))).toBe("[test] a\n");
    expect(textOf(output.add(lines("c…")))).toBe("");
    expect(textOf(output.add(lines("d", "")))).toBe("[test] bcd\n[test] \n");
  });

  test("ends a line that the stage didn't", () => {
    const output = new StageOutput("[test] ");
    output.add(lines("half…"));
    expect(output.end()).toEqual([{ to: "stdout", text: "[test] half\n" }]);
    expect(output.end()).toEqual([]);
  });

  test("joins a line of 10 MB and breaks one that never ends", () => {
    const output = new StageOutput("[t] ");
    const part = `${"x".repeat(1024 * 1024)}…`;
    const tenParts = lines(...Array.from({ length: 10 }, () => part), "end");
    expect(textOf(output.add(tenParts)).length).toBe("[t] ".length + 10 * 1024 * 1024 + "end\n".length);
    const endless = textOf(output.add(lines(...Array.from({ length: 40 }, () => part))));
    expect(endless.split("\n").map((line) => line.length)).toEqual([
      16 * 1024 * 1024 + 4,
      16 * 1024 * 1024 + 4,
      0,
    ]);
  });

  test("loses and adds no character, wherever lines are cut and batches end", () => {
    const part = fc.record({ text: fc.stringMatching(/^[a-z]{0,5}$/), partial: fc.boolean() });
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 5 }), { maxLength: 5 }), (batches) => {
        const output = new StageOutput("[p] ");
        const toLine = ({ text, partial }: { text: string; partial: boolean }): LogLine =>
          lines(partial ? `${text}…` : text)[0] ?? words("");
        const shown =
          batches.map((batch) => textOf(output.add(batch.map(toLine)))).join("") + textOf(output.end());
        const whole = batches
          .flat()
          .map(({ text, partial }) => text + (partial ? "" : "\n"))
          .join("");
        const rows = whole.split("\n").slice(0, whole.endsWith("\n") || whole === "" ? -1 : undefined);
        expect(shown).toBe(rows.map((row) => `[p] ${row}\n`).join(""));
      }),
    );
  });
});

test("the runner's own words go to stderr, safe for a terminal, in their place", () => {
  const output = new StageOutput("[t] ");
  const [first, second] = lines("one", "two");
  if (first === undefined || second === undefined) throw new Error("two lines");
  expect(output.add([first, words("pulling \u001b[2J"), second])).toEqual([
    { to: "stdout", text: "[t] one\n" },
    { to: "stderr", text: "[t] pulling \\x1b[2J\n" },
    { to: "stdout", text: "[t] two\n" },
  ]);
});

describe("the last lines", () => {
  test("are the last 40, joined, without the runner's words", () => {
    const last = new LastLines();
    last.add([words("pulling"), ...lines(...Array.from({ length: 100 }, (_, index) => `line ${index}`))]);
    last.add(lines("a…", "b", "c…"));
    expect(last.read()).toHaveLength(40);
    expect(last.read()[0]).toBe("line 62");
    expect(last.read().slice(-2)).toEqual(["ab", "c"]);
  });

  test("are cut when they are huge", () => {
    const last = new LastLines();
    const part = `${"x".repeat(1024 * 1024)}…`;
    last.add(lines(part, part, "end", "short"));
    expect(last.read().map((line) => line.length)).toEqual([2001, 5]);
    expect(last.read()[0]).toEndWith("x…");
  });

  test("are none of a silent stage", () => {
    expect(new LastLines().read()).toEqual([]);
  });
});

test("a chunk of the stored log is read line by line; what is no log line is left out", () => {
  const [line] = lines("Grüße\n\u2028");
  const stored = `${JSON.stringify(line)}\n{"cursor":7}\nnull\n[]\n`;
  expect(parseLogLines(Buffer.from(`xx${stored}`).subarray(2))).toEqual(line === undefined ? [] : [line]);
  expect(parseLogLines(new Uint8Array())).toEqual([]);
});
