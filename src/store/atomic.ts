import { randomBytes } from "node:crypto";
import { closeSync, fdatasync, fsync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { writeWhole } from "./ndjson.ts";

const syncFd = promisify(fsync);
const syncData = promisify(fdatasync);

export interface AtomicOptions {
  /** Whether it must survive a loss of power when the promise resolves; it survives `kill -9` either way. */
  readonly durable: boolean;
  readonly mode?: number;
}

/** Replaces a file as a whole: readers, and a crash at any moment, find the old text or the new. Throws system errors. */
export async function writeAtomic(path: string, text: string, options: AtomicOptions): Promise<void> {
  const temporary = `${path}.tmp-${randomBytes(6).toString("hex")}`;
  try {
    const fd = openSync(temporary, "wx", options.mode ?? 0o600);
    try {
      writeWhole(fd, Buffer.from(text), 0);
      if (options.durable) await syncFd(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  if (options.durable) await syncFolder(dirname(path));
}

/** Makes the entries of a folder durable: what was made, renamed or removed in it. */
export async function syncFolder(folder: string): Promise<void> {
  const fd = openSync(folder, "r");
  try {
    await syncFd(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the content of a file durable; nothing to do when there's no such file. */
export async function syncFile(path: string): Promise<void> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  try {
    await syncData(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes a folder and those above it, closed to others; with `durable` they survive a loss of power. */
export async function makeFolder(path: string, durable: boolean): Promise<void> {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined || !durable) return;
  const top = dirname(resolve(first));
  for (let folder = dirname(resolve(path)); folder.length >= top.length; folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === dirname(folder)) return;
  }
}
