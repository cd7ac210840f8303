import { type Dirent, readdirSync } from "node:fs";
import { systemCodeOf } from "../shared/errors.ts";

/* What is in a folder of ours. One that isn't there has nothing in it. */

export function namesIn(folder: string): readonly string[] {
  return orNothing(() => readdirSync(folder));
}

export function entriesIn(folder: string): readonly Dirent[] {
  return orNothing(() => readdirSync(folder, { withFileTypes: true }));
}

function orNothing<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "")) return [];
    throw error;
  }
}
