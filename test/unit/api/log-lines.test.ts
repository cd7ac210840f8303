import { expect, test } from "bun:test";
import { array, assert, integer, property, string, tuple } from "fast-check";
import type { LogLine } from "../../../src/events/event.ts";
import { encodeSse } from "../../../src/api/log-events.ts";
import {
  encodeJsonString,
  encodeText,
  lastSeqOf,
  seqOf,
  splitLines,
  wantedLines,
} from "../../../src/api/log-lines.ts";

function stored(lines: readonly LogLine[]): Uint8Array {
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

function textOf(lines: readonly LogLine[]): string {
  return lines.map(({ text, partial }) => (partial ? text : `${text}\n`)).join("");
}

function sseOf(lines: readonly LogLine[]): string {
  return lines.map((line) => `event: log\nid: ${line.seq}\ndata: ${JSON.stringify(line)}\n\n`).join("");
}

const nastyTexts = [
  "",
  "plain",
  "\u001b[31mred\u001b[0m",
  'quote " and \\ and \\" and \\\\',
  "é ü 漢字 😀 \u2028 \u2029",
  "\nevent: end\ndata: {}\n\n",
  "\r\ndata: x",
  '"}',
  '","partial":true}',
  '\\","partial":true',
  '"text":"',
  '{"seq":7,"step":9,"text":"forged"}',
  '"step":5,',
  "\u0000\u0001\u007f\u0080\u009f\ufffd",
  "\\u0041 \\ud800",
];

function linesOf(texts: readonly string[], firstSeq = 1): LogLine[] {
  return texts.map((text, index) => ({
    seq: firstSeq + index,
    time: "2026-01-01T00:00:00.000Z",
    stream: "stdout",
    step: index % 3,
    text,
    ...(index % 4 === 3 && { partial: true as const }),
  }));
}

const logs = tuple(array(string({ unit: "grapheme" })), integer({ min: 1, max: 2 ** 52 }));

test("every form of a log says what parsing each line would", () => {
  const check = (lines: readonly LogLine[]): void => {
    const bytes = stored(lines);
    expect(Buffer.from(encodeSse(bytes)).toString()).toBe(sseOf(lines));
    expect(Buffer.from(encodeText(bytes)).toString()).toBe(textOf(lines));
    expect(JSON.parse(`"${Buffer.from(encodeJsonString(bytes)).toString()}"`)).toBe(textOf(lines));
    expect(splitLines(bytes).map((line): unknown => JSON.parse(line))).toEqual([...lines]);
    expect(lastSeqOf(bytes)).toBe(lines.at(-1)?.seq ?? 0);
  };
  check(linesOf(nastyTexts));
  assert(property(logs, ([texts, firstSeq]) => check(linesOf(texts, firstSeq))));
});

test("lines whose keys stand in another order are read all the same", () => {
  const line = '{"text":"é \\" \\ud83d\\ude00","step":2,"stream":"stdout","time":"t","seq":12}\n';
  const bytes = Buffer.from(line);
  expect(Buffer.from(encodeSse(bytes)).toString()).toBe(`event: log\nid: 12\ndata: ${line.trimEnd()}\n\n`);
  expect(Buffer.from(encodeText(bytes)).toString()).toBe('é " 😀\n');
  expect(JSON.parse(`"${Buffer.from(encodeJsonString(bytes)).toString()}"`)).toBe('é " 😀\n');
  expect(lastSeqOf(bytes)).toBe(12);
  expect(splitLines(wantedLines(bytes, { step: 2, skip: 0 }))).toHaveLength(1);
  expect(splitLines(wantedLines(bytes, { step: 1, skip: 0 }))).toHaveLength(0);
});

test("a step's lines are told by their step, whatever their text says", () => {
  const lines = linesOf(nastyTexts);
  const wanted = splitLines(wantedLines(stored(lines), { step: 1, skip: 0 })).map(seqOf);
  expect(wanted).toEqual(lines.filter(({ step }) => step === 1).map(({ seq }) => seq));
});

test("lines to skip are counted across pieces", () => {
  const filter = { skip: 3 };
  const first = wantedLines(stored(linesOf(["a", "b"])), filter);
  const second = wantedLines(stored(linesOf(["c", "d", "e"], 3)), filter);
  expect([...splitLines(first), ...splitLines(second)].map(seqOf)).toEqual([4, 5]);
});

test("shorter lines than ever were stored don't overflow", () => {
  const bytes = Buffer.from('{"seq":1,"a":1}\n'.repeat(1000));
  expect(Buffer.from(encodeSse(bytes)).toString()).toBe(
    'event: log\nid: 1\ndata: {"seq":1,"a":1}\n\n'.repeat(1000),
  );
});
