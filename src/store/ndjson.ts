import { fstatSync, ftruncateSync, readFileSync, writeSync } from "node:fs";
import { systemCodeOf } from "../shared/errors.ts";
import { diskError } from "./disk-error.ts";

export interface Ndjson {
  readonly records: readonly unknown[];
  /** Bytes up to the end of the last whole line: what stands behind it is torn. */
  readonly size: number;
  /** Whole lines that aren't JSON. */
  readonly damaged: number;
}

/** Any bytes can be read: a torn last line is left out, a damaged one in the middle is skipped and counted. */
export function parseNdjson(bytes: Buffer): Ndjson {
  const size = bytes.lastIndexOf(10) + 1;
  const lines = bytes.toString("utf8", 0, size).split("\n").slice(0, -1);
  const records = lines.map(parseLine).filter((record) => record !== undefined);
  return { records, size, damaged: lines.length - records.length };
}

/** An absent file reads as an empty one. */
export function readNdjson(path: string): Ndjson {
  try {
    return parseNdjson(readFileSync(path));
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return { records: [], size: 0, damaged: 0 };
    throw error;
  }
}

/** The JSON value of a line, or undefined when it's none. */
export function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

/** `write` may write less than asked without an error (a nearly full disk, a limit): only a loop tells. */
export function writeWhole(fd: number, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}

/**
 * Writes whole records at `size`, the end of the last whole one, all or nothing: when it fails, the file is cut back.
 * What a failed write left there before is cut first. Throws `disk_full` or `state_unwritable`.
 */
export function appendWhole(fd: number, bytes: Uint8Array, size: number, what: string): void {
  try {
    if (fstatSync(fd).size > size) ftruncateSync(fd, size);
    writeWhole(fd, bytes, size);
  } catch (error) {
    cutBack(fd, size);
    throw diskError(error, what);
  }
}

function cutBack(fd: number, size: number): void {
  try {
    ftruncateSync(fd, size);
  } catch {
    // The next append cuts again before it writes, and a reader leaves torn lines out.
  }
}
