import { expect, test } from "bun:test";
import { readCeiling } from "../../../src/cli/ceiling.ts";
import { refusalOf } from "./rejection.ts";

test("a ceiling is read from words, each key at will", () => {
  expect(readCeiling(["cpus=1.5", "memory=4g", "pids=1024"])).toEqual({
    cpus: 1.5,
    memory: 2 ** 32,
    pids: 1024,
  });
  expect(readCeiling(["pids=16"])).toEqual({ pids: 16 });
  expect(readCeiling(["none"])).toBeNull();
  expect(readCeiling(["null"])).toBeNull();
});

test.each([
  "cpus=0",
  "cpus=many",
  "memory=4gb",
  "memory=",
  "pids=0",
  "pids=1.5",
  "4g",
  "=4",
  "cpu=2",
  "none ",
])("%p is refused, and what a ceiling is made of is told", async (word) => {
  const refusal = await refusalOf(Promise.try(() => readCeiling([word])));
  expect(refusal).toMatch(/cpus|memory|pids/);
});
