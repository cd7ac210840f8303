import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CacheBench, listing } from "./bench.ts";

let bench: CacheBench;
beforeEach(() => {
  bench = new CacheBench();
});
afterEach(() => bench.close());

/** Of one save only, and all of it. */
function expectWhole(workspace: string): void {
  const files = listing(workspace).filter((path) => path.endsWith("/file"));
  const contents = new Set(files.map((path) => readFileSync(join(workspace, path), "utf8")));
  expect([files.length, contents.size]).toEqual([40, 1]);
  const [content = ""] = contents;
  const [, unit = ""] = /^(\d+-\d+?)\1*$/.exec(content) ?? [];
  expect(unit).not.toBe("");
}

async function startSaver(): Promise<Bun.Subprocess<"ignore", "pipe", "inherit">> {
  const words = [
    process.execPath,
    new URL("./saver.ts", import.meta.url).pathname,
    bench.state,
    bench.workspace(),
  ];
  const child = Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  await child.stdout.getReader().read(); // its first save is done
  return child;
}

test("a saver that is killed at any moment leaves the old entry or the new one, whole, and no lock in the way", async () => {
  for (let round = 0; round < 8; round++) {
    const child = await startSaver();
    await Bun.sleep(Math.random() * 60);
    child.kill("SIGKILL");
    await child.exited;
    const other = bench.workspace();
    expect((await bench.restore(other)).restored).toBeDefined();
    expectWhole(other);
    rmSync(other, { recursive: true });
  }
  expect(await bench.save(bench.workspace({ "deps/a": "after all" }))).toMatchObject({ kind: "saved" });
}, 60_000);

test("savers in several processes and readers among them never meet half of anything", async () => {
  const savers = await Promise.all([startSaver(), startSaver()]);
  try {
    for (let round = 0; round < 25; round++) {
      const other = bench.workspace();
      const { restored, damaged } = await bench.restore(other);
      expect([restored?.key, damaged]).toEqual(["k", []]);
      expectWhole(other);
      rmSync(other, { recursive: true });
    }
  } finally {
    for (const saver of savers) saver.kill("SIGKILL");
    await Promise.all(savers.map(({ exited }) => exited));
  }
}, 60_000);
