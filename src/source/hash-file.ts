import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readlink } from "node:fs/promises";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { bytesOf, type Name } from "./tree-files.ts";

const blockBytes = 1024 * 1024;
const gone = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** What git would call the file as it is now, its bytes taken as they are. Undefined when it's gone, or is no file or link. */
export async function hashFile(
  folder: string,
  name: Name,
  format: "sha1" | "sha256",
  signal: AbortSignal,
): Promise<{ readonly mode: string; readonly id: string } | undefined> {
  const path = bytesOf(folder, name);
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return { mode: "120000", id: idOf(await readlink(path, "buffer"), format) };
    if (!stats.isFile()) return undefined;
    const mode = (stats.mode & 0o100) === 0 ? "100644" : "100755";
    return { mode, id: await idOfFile(path, format, signal) };
  } catch (error) {
    const code = systemCodeOf(error);
    if (code !== undefined && gone.has(code)) return undefined;
    if (code === undefined) throw error;
    const shown = JSON.stringify(Buffer.from(name, "latin1").toString());
    throw new RunnerError("checkout_failed", `can't read ${shown} (${code})`, { cause: error });
  }
}

async function idOfFile(path: Buffer, format: "sha1" | "sha256", signal: AbortSignal): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    const hash = createHash(format).update(`blob ${String(size)}\0`);
    for await (const block of blocksOf(file, size)) {
      signal.throwIfAborted();
      hash.update(block);
    }
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

async function* blocksOf(file: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  const block = Buffer.allocUnsafe(Math.min(blockBytes, Math.max(1, size)));
  for (let at = 0; at < size;) {
    const { bytesRead } = await file.read(block, 0, Math.min(block.length, size - at), at);
    if (bytesRead === 0) return;
    yield block.subarray(0, bytesRead);
    at += bytesRead;
  }
}

function idOf(content: Uint8Array, format: "sha1" | "sha256"): string {
  return createHash(format)
    .update(`blob ${String(content.length)}\0`)
    .update(content)
    .digest("hex");
}
