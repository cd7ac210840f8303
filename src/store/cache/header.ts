import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { parseLine } from "../ndjson.ts";
import { type CacheEntry, isCacheEntry } from "./entry.ts";

/*
 * An entry describes itself in a frame that zstd skips, at the start of its file, so that one rename publishes both and
 * `zstd -dc … | tar t` still reads it: the magic number, the length, a digest of the text, the text, blanks.
 */

const magic = 0x184d2a50;
const frameBytes = 8;
const digestLength = 32;
/** More than the longest keys and a thousand long paths make. */
const mostBytes = 16 * 1024 * 1024;

/** Written once the rest of the file is: `length` is what `headerLength` said beforehand. */
export function encodeHeader(entry: CacheEntry, length: number): Buffer {
  const text = JSON.stringify(entry);
  const header = Buffer.alloc(length, " ");
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(length - frameBytes, 4);
  header.write(`${digestOf(text)} ${text}`, frameBytes);
  header.write("\n", length - 1);
  return header;
}

/** How many bytes it will take, whatever the numbers in it turn out to be. */
export function headerLength(entry: CacheEntry): number {
  const numbers = { files: largest, rawBytes: largest, storedBytes: largest };
  const text = JSON.stringify({ ...entry, ...numbers, fingerprint: "f".repeat(64) });
  return frameBytes + digestLength + 1 + Buffer.byteLength(text) + 1;
}

const largest = Number.MAX_SAFE_INTEGER;

/** The description of an open file, and where the archive begins; undefined when the file is damaged or none of ours. */
export function readHeader(fd: number): { readonly entry: CacheEntry; readonly end: number } | undefined {
  const frame = readExactly(fd, frameBytes, 0);
  if (frame?.readUInt32LE(0) !== magic) return undefined;
  const size = frame.readUInt32LE(4);
  if (size > mostBytes) return undefined;
  const content = readExactly(fd, size, frameBytes)?.toString("utf8").trimEnd() ?? "";
  const text = content.slice(digestLength + 1);
  if (content.slice(0, digestLength) !== digestOf(text)) return undefined;
  const entry = parseLine(text);
  return isCacheEntry(entry) ? { entry, end: frameBytes + size } : undefined;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digestLength);
}

function readExactly(fd: number, size: number, position: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const read = readSync(fd, bytes, done, size - done, position + done);
    if (read === 0) return undefined;
    done += read;
  }
  return bytes;
}
