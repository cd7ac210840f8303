import { closeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { diskError } from "../disk-error.ts";
import type { CacheEntryName } from "../layout.ts";
import { entryFiles, openEntry, removeEntry } from "./entry-files.ts";
import type { CacheLedger } from "./ledger.ts";

/** What isn't said isn't looked at. */
export interface CacheFilter {
  /** The pipeline and the stage that saved it. */
  readonly pipelineId?: string;
  readonly stageId?: string;
  readonly repository?: { readonly orgId: string; readonly repoId: string };
}

export interface Cleared {
  /** Entries. */
  readonly cleared: number;
  readonly bytes: number;
}

const entriesPerTurn = 50;

/** Removes the entries that the filter names, all without one. Who reads one of them reads it to its end. */
export async function resetCache(folder: string, filter: CacheFilter, ledger: CacheLedger): Promise<Cleared> {
  try {
    return await ledger.locked(() => clear(folder, filter, ledger));
  } catch (error) {
    throw diskError(error, "the cache");
  }
}

async function clear(folder: string, filter: CacheFilter, ledger: CacheLedger): Promise<Cleared> {
  let cleared = 0;
  let bytes = 0;
  let looked = 0;
  for (const file of entryFiles(folder, filter.repository)) {
    if (++looked % entriesPerTurn === 0) await nextTurn();
    if (!isNamed(folder, file.name, filter) || !removeEntry(folder, file.name)) continue;
    ledger.gone(file.name);
    cleared += 1;
    bytes += file.bytes;
  }
  return { cleared, bytes };
}

/** A damaged entry can't say whose it is: it goes with all, or with its repository. */
function isNamed(folder: string, name: CacheEntryName, { pipelineId, stageId }: CacheFilter): boolean {
  if (pipelineId === undefined && stageId === undefined) return true;
  const found = openEntry(folder, name);
  if (found.kind !== "open") return false;
  closeSync(found.opened.fd);
  const { entry } = found.opened;
  return (
    (pipelineId === undefined || entry.pipelineId === pipelineId) &&
    (stageId === undefined || entry.stageId === stageId)
  );
}
