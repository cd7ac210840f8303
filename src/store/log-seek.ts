import type { FileHandle } from "node:fs/promises";
import { seqAt } from "./log-lines.ts";

const probeBytes = 4096;
/** A window this small is read as a whole. */
const windowBytes = 64 * 1024;
/** Enough for `{"seq":9007199254740991,`. */
const headBytes = 32;

interface Line {
  readonly start: number;
  readonly seq: number;
}

/**
 * Where the first line with a seq above `after` begins, looked for between `from`, the start of a record, and `limit`;
 * `limit` when there's none. Reads a few blocks, however large the file.
 */
export async function seek(
  file: FileHandle,
  after: number,
  bounds: { readonly from: number; readonly limit: number },
): Promise<number> {
  const { limit } = bounds;
  let low = bounds.from;
  let high = limit;
  let best = limit;
  while (high - low > windowBytes) {
    const middle = Math.floor((low + high) / 2);
    const line = await lineFrom(file, middle, high);
    if (line === undefined) {
      high = middle;
    } else if (line.seq > after) {
      best = line.start;
      high = middle;
    } else {
      low = line.start;
    }
  }
  const window = await readAt(file, low, Math.min(limit, high + headBytes));
  for (let at = 0; at < high - low; at = nextLine(window, at)) {
    const seq = seqAt(window, at);
    if (seq !== undefined && seq > after) return low + at;
  }
  return best;
}

/** The first line of the log that begins at or after `from` and before `limit`. */
async function lineFrom(file: FileHandle, from: number, limit: number): Promise<Line | undefined> {
  // The byte before tells whether a line begins right here.
  const base = from - 1;
  for (let size = probeBytes; ; size *= 8) {
    const block = await readAt(file, base, Math.min(base + size, limit + headBytes));
    for (let at = nextLine(block, 0); at < block.length && base + at < limit; at = nextLine(block, at)) {
      if (at + headBytes > block.length && block.length === size) break;
      const seq = seqAt(block, at);
      if (seq !== undefined) return { start: base + at, seq };
    }
    if (block.length < size) return undefined;
  }
}

/** After the next line end; beyond all bytes when there's none. */
function nextLine(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(10, at);
  return end === -1 ? Number.POSITIVE_INFINITY : end + 1;
}

export async function readAt(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(Math.max(0, to - from));
  let read = 0;
  while (read < block.length) {
    const { bytesRead } = await file.read(block, read, block.length - read, from + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return block.subarray(0, read);
}
