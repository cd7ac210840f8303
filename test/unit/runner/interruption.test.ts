import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Interruption } from "../../../src/runner/interruption.ts";
import { timestamp } from "../../../src/shared/clock.ts";

const day = 24 * 60 * 60 * 1000;
const clock = { now: () => Date.now(), elapsed: () => Date.now() };

beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse("2026-01-01T00:00:00Z") });
});
afterEach(() => {
  jest.useRealTimers();
});

test("the first interruption counts, and aborts the signal once", () => {
  const interruption = new Interruption();
  let aborted = 0;
  interruption.signal.addEventListener("abort", () => aborted++);
  expect(interruption.kind).toBeUndefined();
  interruption.interrupt("canceled");
  interruption.interrupt("timeout");
  expect([interruption.kind, aborted]).toEqual(["canceled", 1]);
});

test("a deadline interrupts when it comes, not before", () => {
  const interruption = new Interruption();
  interruption.interruptAt(timestamp(clock.now() + 5000), clock);
  jest.advanceTimersByTime(4999);
  expect(interruption.kind).toBeUndefined();
  jest.advanceTimersByTime(1);
  expect(interruption.kind).toBe("timeout");
});

test("a deadline that has passed interrupts at once", () => {
  const interruption = new Interruption();
  interruption.interruptAt(timestamp(clock.now() - 1), clock);
  expect(interruption.kind).toBe("timeout");
});

test("a deadline further away than a timer can wait is met as well", () => {
  const interruption = new Interruption();
  interruption.interruptAt(timestamp(clock.now() + 366 * day), clock);
  expect(interruption.kind).toBeUndefined();
  for (let days = 0; days < 365; days++) jest.advanceTimersByTime(day);
  expect(interruption.kind).toBeUndefined();
  jest.advanceTimersByTime(day);
  expect(interruption.kind).toBe("timeout");
});

test("a cleared deadline never comes, and of two deadlines the later one holds", () => {
  const cleared = new Interruption();
  cleared.interruptAt(timestamp(clock.now() + 1000), clock);
  cleared.clear();
  const moved = new Interruption();
  moved.interruptAt(timestamp(clock.now() + 1000), clock);
  moved.interruptAt(timestamp(clock.now() + 3000), clock);
  jest.advanceTimersByTime(2000);
  expect([cleared.kind, moved.kind]).toEqual([undefined, undefined]);
  jest.advanceTimersByTime(1000);
  expect([cleared.kind, moved.kind]).toEqual([undefined, "timeout"]);
});

test("a deadline that can't be read is none that was kept: it interrupts", () => {
  const interruption = new Interruption();
  interruption.interruptAt("nonsense", clock);
  expect(interruption.kind).toBe("timeout");
});
