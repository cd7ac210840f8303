import { expect, test } from "bun:test";
import { rangeOf } from "../../../src/api/range.ts";

test.each([
  ["bytes=0-0", { start: 0, end: 1 }],
  ["bytes=0-", { start: 0, end: 10 }],
  ["bytes=3-5", { start: 3, end: 6 }],
  ["bytes=9-100", { start: 9, end: 10 }],
  ["bytes=-3", { start: 7, end: 10 }],
  ["bytes=-100", { start: 0, end: 10 }],
  ["BYTES=1-2", { start: 1, end: 3 }],
  ["bytes=10-", "unsatisfiable"],
  ["bytes=10-12", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
] as const)("%s of ten bytes is a range", (header, range) => {
  expect(rangeOf(header, 10)).toEqual(range);
});

test.each([
  null,
  "",
  "bytes",
  "bytes=",
  "bytes=-",
  "bytes=5-3",
  "bytes=0-1,3-4",
  "bytes=a-b",
  "lines=0-1",
  "bytes=0x1-2",
  "bytes=1e1-",
  `bytes=${"9".repeat(400)}-`,
])("%p asks for no range, so the whole is sent", (header) => {
  expect(rangeOf(header, 10)).toBeUndefined();
});

test("an empty file has no range", () => {
  expect(rangeOf("bytes=0-", 0)).toBe("unsatisfiable");
  expect(rangeOf("bytes=-1", 0)).toBe("unsatisfiable");
});
