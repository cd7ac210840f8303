import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { keepHouse } from "../../../src/runner/housekeeping.ts";
import { Bench, eventually } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

const log = { info: () => {}, warn: () => {}, error: () => {} };

test("what has expired is deleted at the start and from time to time, and no longer than it's asked to", async () => {
  bench = await Bench.open();
  const keep = async (expireSeconds: number): Promise<() => boolean> => {
    const artifacts = { paths: ["a"], exclude: [], when: "on_success", expireSeconds } as const;
    const { runId, createdAt } = await bench.submit({ id: "s", script: ["echo >a"], artifacts });
    await bench.verdict(runId);
    const files = join(bench.stateFolder, "runs", createdAt.slice(0, 7), runId, "artifacts", "files");
    return () => existsSync(files);
  };
  const [first, second, third] = [await keep(60), await keep(600), await keep(6000)];
  bench.clock.aheadMs = 61_000;
  const stop = keepHouse({ store: bench.store, log }, 5);
  await eventually(() => !first(), "the first is deleted");
  expect([second(), third()]).toEqual([true, true]);
  bench.clock.aheadMs = 601_000;
  await eventually(() => !second(), "the second is deleted");
  await stop();
  bench.clock.aheadMs = 6_001_000;
  await Bun.sleep(20);
  expect(third()).toBe(true);
});
