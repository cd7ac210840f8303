import { createHash, type Hash } from "node:crypto";
import { ftruncateSync, fstatSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Cursor } from "../engine/engine.ts";
import { isRecord } from "../events/shape.ts";
import { cursorMark } from "./log-lines.ts";
import { parseLine } from "./ndjson.ts";

const blockBytes = 1024 * 1024;

/** Where a log stands that was begun earlier. */
export interface KeptLog {
  /** The end of the last cursor record: what is stored up to here, and no more, is what the cursor speaks of. */
  readonly size: number;
  readonly cursor: Cursor | undefined;
  readonly lastSeq: number;
  readonly lines: number;
  readonly bytes: number;
  /** Of the text so far; goes on. */
  readonly hash: Hash;
  /** Lines that can't be read; they are left where they are. */
  readonly damaged: number;
}

/** Cuts a log to the end of its last cursor record, and reads once through what is kept. */
export async function recoverLog(fd: number): Promise<KeptLog> {
  const size = fstatSync(fd).size;
  const last = lastCursor(fd, size);
  if (size > last.end) ftruncateSync(fd, last.end);
  const totals = new Totals();
  for (const lines of linesOf(fd, last.end)) {
    for (const line of lines) totals.add(line);
    await nextTurn();
  }
  const { lastSeq, lines, bytes, hash, damaged } = totals;
  return { size: last.end, cursor: last.cursor, lastSeq, lines, bytes, hash, damaged };
}

class Totals {
  lastSeq = 0;
  lines = 0;
  bytes = 0;
  damaged = 0;
  readonly hash = createHash("sha256");

  add(line: string): void {
    const record = parseLine(line);
    if (!isRecord(record) || typeof record["seq"] !== "number" || typeof record["text"] !== "string") {
      if (!isRecord(record) || !("cursor" in record)) this.damaged += 1;
      return;
    }
    const text = Buffer.from(record["partial"] === true ? record["text"] : `${record["text"]}\n`);
    this.hash.update(text);
    this.lines += 1;
    this.bytes += text.length;
    this.lastSeq = Math.max(this.lastSeq, record["seq"]);
  }
}

/** The lines of the first `size` bytes, which end in a line end; a block's worth at a time. */
function* linesOf(fd: number, size: number): Generator<readonly string[]> {
  const block = Buffer.allocUnsafe(blockBytes);
  let rest = Buffer.alloc(0);
  for (let offset = 0; offset < size;) {
    const read = readSync(fd, block, 0, Math.min(blockBytes, size - offset), offset);
    if (read === 0) return;
    offset += read;
    const end = block.lastIndexOf(10, read - 1) + 1;
    if (end > 0)
      yield Buffer.concat([rest, block.subarray(0, end - 1)])
        .toString("utf8")
        .split("\n");
    rest = Buffer.concat([end > 0 ? Buffer.alloc(0) : rest, block.subarray(end, read)]);
  }
}

/** The last whole cursor record before `size`, looked for from the end; `end` 0 when there's none. */
export function lastCursor(
  fd: number,
  size: number,
): { readonly end: number; readonly cursor: Cursor | undefined } {
  let from = size;
  while (from > 0) {
    const start = Math.max(0, from - blockBytes);
    // The overlap finds a mark that lies across two blocks.
    const block = readBlock(fd, start, Math.min(size, from + cursorMark.length));
    for (
      let at = block.lastIndexOf(cursorMark);
      at !== -1;
      at = at > 0 ? block.lastIndexOf(cursorMark, at - 1) : -1
    ) {
      const found = cursorAt(fd, start + at, size);
      if (found !== undefined) return found;
    }
    from = start;
  }
  return { end: 0, cursor: undefined };
}

function cursorAt(
  fd: number,
  at: number,
  size: number,
): { end: number; cursor: Cursor | undefined } | undefined {
  const bytes = readBlock(fd, at, Math.min(size, at + 64 * 1024));
  const end = bytes.indexOf(10);
  const record = end === -1 ? undefined : parseLine(bytes.toString("utf8", 0, end));
  if (!isRecord(record)) return undefined;
  const { cursor } = record;
  if (cursor === null) return { end: at + end + 1, cursor: undefined };
  if (typeof cursor !== "number" && typeof cursor !== "string") return undefined;
  return { end: at + end + 1, cursor };
}

export function readBlock(fd: number, from: number, to: number): Buffer {
  const block = Buffer.allocUnsafe(Math.max(0, to - from));
  let read = 0;
  while (read < block.length) {
    const more = readSync(fd, block, read, block.length - read, from + read);
    if (more === 0) break;
    read += more;
  }
  return block.subarray(0, read);
}
