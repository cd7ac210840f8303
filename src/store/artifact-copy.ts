import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemCodeOf } from "../shared/errors.ts";
import { diskError } from "./disk-error.ts";
import { writeWhole } from "./ndjson.ts";

const blockBytes = 1024 * 1024;

export interface Copied {
  readonly size: number;
  readonly sha256: string;
  readonly executable: boolean;
}

/** A file of a workspace, open. */
export interface OpenedFile {
  readonly fd: number;
  readonly size: number;
  readonly executable: boolean;
}

/** Opens a regular file of the workspace, or says why not. Never through a link, and never blocked by a FIFO. */
export function openInside(workspace: string, path: string): OpenedFile | string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = join(workspace, path);
  let fd: number;
  try {
    if (realpathSync(dirname(file)) !== join(realpathSync(workspace), dirname(path)))
      return "below a symbolic link";
    fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    return `can't be read (${systemCodeOf(error)})`;
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, size: stat.size, executable: (stat.mode & 0o111) !== 0 };
  closeSync(fd);
  return "not a regular file";
}

/** Copies an opened file to a new one, hashing on the way: one pass, and no more than its size when it was opened. */
export async function copyHashed(opened: OpenedFile, to: string, signal: AbortSignal): Promise<Copied> {
  const hash = createHash("sha256");
  const block = Buffer.allocUnsafe(Math.min(blockBytes, Math.max(1, opened.size)));
  const out = openNew(to);
  let size = 0;
  try {
    while (size < opened.size) {
      const read = readSync(opened.fd, block, 0, Math.min(block.length, opened.size - size), size);
      if (read === 0) break;
      const bytes = block.subarray(0, read);
      hash.update(bytes);
      writeBlock(out, bytes, size);
      size += read;
      if (size < opened.size) await nextTurn();
      signal.throwIfAborted();
    }
  } finally {
    closeSync(out);
  }
  return { size, sha256: hash.digest("hex"), executable: opened.executable };
}

function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    throw diskError(error, "an artifact");
  }
}

function writeBlock(fd: number, bytes: Uint8Array, position: number): void {
  try {
    writeWhole(fd, bytes, position);
  } catch (error) {
    throw diskError(error, "an artifact");
  }
}
