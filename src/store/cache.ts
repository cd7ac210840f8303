import { randomBytes } from "node:crypto";
import { type Dirent, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemCodeOf } from "../shared/errors.ts";
import { diskError } from "./disk-error.ts";
import { cacheFolder, pathPart } from "./layout.ts";

export interface CacheFilter {
  readonly pipelineId?: string;
  readonly stageId?: string;
}

export interface Cleared {
  /** Entries. */
  readonly cleared: number;
  readonly bytes: number;
}

/** No part of a path from an id begins with a dot. */
const trashName = ".trash";

/** Removes the entries that the filter names, all without one. An entry vanishes as a whole: it is moved away first. */
export async function resetCache(folder: string, filter: CacheFilter): Promise<Cleared> {
  const cache = cacheFolder(folder);
  const trash = join(cache, trashName);
  let cleared = 0;
  let bytes = 0;
  try {
    const stages = foldersIn(cache, filter.pipelineId).flatMap((pipeline) =>
      foldersIn(pipeline, filter.stageId),
    );
    for (const entry of stages.flatMap((stage) => foldersIn(stage, undefined))) {
      bytes += await sizeOf(entry);
      mkdirSync(trash, { recursive: true, mode: 0o700 });
      renameSync(entry, join(trash, randomBytes(8).toString("hex")));
      cleared += 1;
    }
    // What an earlier, interrupted reset moved away goes too.
    rmSync(trash, { recursive: true, force: true });
  } catch (error) {
    throw diskError(error, "the cache");
  }
  return { cleared, bytes };
}

/** The folders in one, or the one that stands for `id`. */
function foldersIn(folder: string, id: string | undefined): readonly string[] {
  const folders = entriesOf(folder).filter((entry) => entry.isDirectory() && entry.name !== trashName);
  const wanted = id === undefined ? undefined : pathPart(id);
  return folders
    .map((entry) => entry.name)
    .filter((name) => wanted === undefined || name === wanted)
    .map((name) => join(folder, name));
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of entriesOf(next)) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else bytes += lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
    }
    await nextTurn();
  }
  return bytes;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "")) return [];
    throw error;
  }
}
