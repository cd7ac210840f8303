import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { formatDuration, parseDuration } from "../../../src/shared/duration.ts";

test("durations are counts with units", () => {
  expect(["90s", "15m", "1h 30m", "1h30m", "1d"].map(parseDuration)).toEqual([90, 900, 5400, 5400, 86_400]);
});

test("anything else is none", () => {
  for (const text of [
    "",
    "15",
    "m",
    "1.5h",
    "-1s",
    "1h 1h",
    "1 h",
    "0s",
    "400d",
    "1w",
    "1s ",
    " 1s",
    "9".repeat(1000),
  ]) {
    expect(parseDuration(text)).toBeUndefined();
  }
});

test("no text makes it throw", () => {
  fc.assert(fc.property(fc.string(), (text) => parseDuration(text) === undefined || /^\d/.test(text)));
});

test("durations are written short enough for a table", () => {
  expect(
    [0, 0.04, 1.26, 9.94, 9.96, 59.4, 59.6, 185, 3599.6, 3600, 3725, 90_000].map(formatDuration),
  ).toEqual([
    "0.0s",
    "0.0s",
    "1.3s",
    "9.9s",
    "10s",
    "59s",
    "1m 00s",
    "3m 05s",
    "1h 00m",
    "1h 00m",
    "1h 02m",
    "25h 00m",
  ]);
});
