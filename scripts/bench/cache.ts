import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/shared/clock.ts";
import { Cache } from "../../src/store/cache/cache.ts";
import { timeCommand, type Comparison } from "./measure.ts";

const packages = 1000;
const filesEach = 50;
const bigBytes = 1_000_000_000;

/** Caches of 50,000 small files and of one big one, beside `tar | zstd` of the same; none where there's no zstd. */
export async function cacheComparisons(folder: string): Promise<readonly Comparison[]> {
  if (Bun.which("zstd") === null) return [];
  const small = join(folder, "small");
  for (let at = 0; at < packages; at++) {
    const lib = join(small, "deps", `package-${String(at)}`, "lib");
    await mkdir(lib, { recursive: true });
    for (let file = 0; file < filesEach; file++)
      await Bun.write(
        join(lib, `${String(file)}.js`),
        `export const n = ${String(Math.random())};\n`.repeat(file),
      );
  }
  const big = join(folder, "big");
  await mkdir(join(big, "deps"), { recursive: true });
  await timeCommand(["sh", "-c", `head -c ${String(bigBytes)} /dev/urandom >${big}/deps/one`]);
  const cache = new Cache({ folder: join(folder, "state"), durable: false, clock: systemClock });
  return [
    ...rowsOf("50,000 small files", small, cache, folder),
    ...rowsOf("one file of 1 GB", big, cache, folder),
  ];
}

function rowsOf(what: string, workspace: string, cache: Cache, folder: string): readonly Comparison[] {
  const never = new AbortController().signal;
  let round = 0;
  const identity = (): Parameters<Cache["save"]>[0]["identity"] => {
    return { orgId: "bench", repoId: what, scope: "", key: String(round), paths: ["deps"] };
  };
  const save = async (): Promise<number> => {
    round += 1;
    const saver = { pipelineId: "bench", stageId: "bench", runId: "bench" };
    return timed(() => cache.save({ identity: identity(), saver, workspace, mostBytes: 2 ** 40 }, never));
  };
  const archive = join(folder, `${String(what.length)}.tar.zst`);
  const place = (): Promise<string> => mkdtemp(join(folder, "placed-"));
  return [
    {
      metric: `a cache of ${what} saved`,
      against: "tar | zstd",
      goal: 1.2,
      ours: save,
      theirs: () => timeCommand(["sh", "-c", `tar -cf - deps | zstd -q -f -o ${archive}`], workspace),
    },
    {
      metric: `a cache of ${what} restored`,
      against: "zstd -dc | tar",
      goal: 1.2,
      ours: async () => {
        const to = await place();
        const user = { isRoot: true, uid: undefined };
        return timed(() =>
          cache.restore([identity()], { workspace: to, scratch: `${to}.scratch`, user }, never),
        );
      },
      // Into a folder of its own, never emptied: a disk is ten times slower right after many files were deleted.
      theirs: async () => timeCommand(["sh", "-c", `zstd -dc ${archive} | tar -xf -`], await place()),
    },
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
