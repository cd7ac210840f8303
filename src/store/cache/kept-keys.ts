import { readFileSync } from "node:fs";
import { list, text } from "../../events/shape.ts";
import { writeAtomic } from "../atomic.ts";
import { cacheKeysFile } from "../layout.ts";
import { parseLine } from "../ndjson.ts";

const keys = list(text);

function isKeys(value: unknown): value is readonly string[] {
  return keys(value);
}

/** The keys of a run's caches, one each, in the order of its plan: a script may change the files that a key is made of. */
export async function keepCacheKeys(
  folder: string,
  runId: string,
  keysOfRun: readonly string[],
): Promise<void> {
  await writeAtomic(cacheKeysFile(folder, runId), `${JSON.stringify(keysOfRun)}\n`, { durable: false });
}

/** Undefined when they were never kept. */
export function keptCacheKeys(folder: string, runId: string): readonly string[] | undefined {
  try {
    const value = parseLine(readFileSync(cacheKeysFile(folder, runId), "utf8"));
    return isKeys(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
