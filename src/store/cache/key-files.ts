import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { Slices } from "./slices.ts";
import { CacheWalk } from "./walk.ts";

export interface FilesKey {
  readonly key: string;
  /** Globs that no regular file fits. */
  readonly missing: readonly string[];
}

const digestLength = 20;
const blockBytes = 256 * 1024;

/**
 * The key that is made of files: a digest of their names and contents as they lie in the workspace, the prefix before it; "default"
 * in its place when none of them is there. Links aren't followed, and count for nothing.
 */
export async function keyOfFiles(
  workspace: string,
  { files, prefix }: { readonly files: readonly string[]; readonly prefix: string },
  signal: AbortSignal,
): Promise<FilesKey> {
  const found = new Set<string>();
  const missing: string[] = [];
  const slices = new Slices();
  for (const glob of files) {
    let fits = false;
    for (const { path, kind } of new CacheWalk(workspace, [glob]).found()) {
      if (slices.isOver) await slices.pause(signal);
      if (kind !== "file") continue;
      fits = true;
      found.add(path);
    }
    if (!fits) missing.push(glob);
  }
  const hash = createHash("sha256");
  for (const path of [...found].toSorted()) {
    hash.update(`${String(Buffer.byteLength(path))} ${path}\n`);
    await addContent(hash, `${workspace}/${path}`, { slices, signal });
  }
  const digest = found.size === 0 ? "default" : hash.digest("hex").slice(0, digestLength);
  return { key: prefix === "" ? digest : `${prefix}-${digest}`, missing };
}

async function addContent(
  hash: Hash,
  path: string,
  { slices, signal }: { readonly slices: Slices; readonly signal: AbortSignal },
): Promise<void> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const block = Buffer.allocUnsafe(blockBytes);
  try {
    let size = 0;
    for (let read = -1; read !== 0; size += read) {
      if (slices.isOver) await slices.pause(signal);
      read = readSync(fd, block, 0, blockBytes, size);
      hash.update(block.subarray(0, read));
    }
    hash.update(`\n${String(size)}\n`);
  } finally {
    closeSync(fd);
  }
}
