import { type FileHandle, open } from "node:fs/promises";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { withoutCursors } from "./log-lines.ts";
import { readAt, seek } from "./log-seek.ts";
import type { TailPiece } from "./log-tail.ts";

const chunkBytes = 256 * 1024;

export interface LogSource {
  readonly path: string;
  /** How much may be read now. */
  limit(): number;
  /** True when `limit` will not grow any more. */
  ended(): boolean;
  /** Resolves when that may have changed, or when `signal` aborts. */
  change(signal: AbortSignal): Promise<void>;
  /** What is still in memory from a place on. */
  recent(offset: number, limit: number): TailPiece | undefined;
}

export interface ReadLogOptions {
  /** The seq of the last line the reader has; 0 for the start. */
  readonly after: number;
  /** Whether to wait for lines yet to be written. */
  readonly follow: boolean;
}

/**
 * Whole log lines from after `after`, in pieces of about 256 KiB. Between two pieces a reader holds an offset and nothing else.
 * Ends when the log has, and, without an error, as soon as `signal` aborts. The bytes are shared: not to be written to.
 */
export async function* readLines(
  source: LogSource,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  let offset = await beginning(source, after, signal);
  while (!signal.aborted) {
    const limit = source.limit();
    if (offset < limit) {
      const piece = await nextPiece(source, offset, limit);
      offset = piece.next;
      if (piece.bytes.length > 0 && !signal.aborted) yield piece.bytes;
      continue;
    }
    if (source.ended()) return;
    await source.change(signal);
  }
}

/** Where the first line above `after` begins: waits for it if it's yet to come. At the log's end when it never does. */
async function beginning(source: LogSource, after: number, signal: AbortSignal): Promise<number> {
  let offset = 0;
  if (!(after > 0)) return offset;
  while (!signal.aborted) {
    const limit = source.limit();
    offset = await seekIn(source.path, after, { from: offset, limit });
    if (offset < limit) break;
    if (source.limit() !== limit) continue;
    if (source.ended()) break;
    await source.change(signal);
  }
  return offset;
}

async function nextPiece(source: LogSource, offset: number, limit: number): Promise<TailPiece> {
  return source.recent(offset, chunkBytes) ?? withFile(source.path, (file) => pieceAt(file, offset, limit));
}

async function pieceAt(file: FileHandle, offset: number, limit: number): Promise<TailPiece> {
  for (let size = chunkBytes; ; size *= 4) {
    const block = await readAt(file, offset, Math.min(limit, offset + size));
    const end = block.lastIndexOf(10) + 1;
    if (end > 0) return { bytes: withoutCursors(block.subarray(0, end)), next: offset + end };
    // Cut or removed behind our back: nothing more can be had.
    if (block.length < size) return { bytes: block.subarray(0, 0), next: limit };
  }
}

async function seekIn(path: string, after: number, bounds: { from: number; limit: number }): Promise<number> {
  if (bounds.from >= bounds.limit) return bounds.from;
  return withFile(path, (file) => seek(file, after, bounds));
}

/** Opens the file for one piece only. */
async function withFile<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openLogFile(path);
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

async function openLogFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
    throw new RunnerError("not_found", "the log of this run was removed", { cause: error });
  }
}
