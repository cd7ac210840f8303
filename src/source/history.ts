import { CommitReader } from "./cat-file.ts";
import { parseCommit } from "./commit.ts";

/** Where to look for commits. */
interface History {
  readonly gitDir: string;
  readonly borrowedObjects: string;
  /** Commits at which the history of the source itself is cut. */
  readonly cutAlready: ReadonlySet<string>;
}

/**
 * The commits whose parents are left out of a history of `depth` generations, counted from `sha` as the first;
 * 0 is all that the source has.
 */
export async function cutHistory(
  history: History,
  sha: string,
  depth: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (depth === 0) return [...history.cutAlready];
  if (depth === 1) return [sha];
  const reader = new CommitReader(history, "checkout_failed", signal);
  try {
    return await walk(reader, history.cutAlready, sha, depth);
  } finally {
    await reader.close();
  }
}

async function walk(
  reader: CommitReader,
  cutAlready: ReadonlySet<string>,
  sha: string,
  depth: number,
): Promise<readonly string[]> {
  const seen = new Set([sha]);
  const cut: string[] = [];
  let generation = [sha];
  for (let number = 1; generation.length > 0; number++) {
    const next: string[] = [];
    for (const object of await reader.read(generation)) {
      if (object === undefined) continue; // missing: packing the history will say so
      const { parents } = parseCommit(object);
      if (parents.length === 0) continue;
      const isCut = number === depth || cutAlready.has(object.sha);
      if (isCut) cut.push(object.sha);
      else next.push(...parents.filter((parent) => !seen.has(parent) && seen.add(parent)));
    }
    generation = next;
  }
  return cut;
}
