import { isAscii } from "node:buffer";
import type { LogLine } from "../events/event.ts";

/**
 * Stored log lines, cut up without parsing them: a 100 MB log has a million, and most readers want them as they
 * stand. They are handled as strings of bytes (latin1), where cutting and joining is cheapest.
 *
 * A line is `{"seq":1,"time":"…","stream":"stdout","step":1,"text":"…"[,"partial":true]}`; one that was written
 * with its keys in another order is parsed instead.
 */

/** Which lines a reader wants. `skip` counts down as lines that would match are left out. */
export interface LineFilter {
  readonly step?: number;
  skip: number;
}

const seqKey = '{"seq":';
const stepKey = '"step":';
const textKey = '"text":"';
const plainEnd = '"}';
const partialEnd = '","partial":true}';

/** The lines that the filter lets pass; the same bytes when it stops none. To be asked once for each piece, in order. */
export function wantedLines(lines: Uint8Array, filter: LineFilter): Uint8Array {
  if (filter.step === undefined && filter.skip === 0) return lines;
  let wanted = "";
  for (const line of splitBytes(lines)) {
    if (filter.step !== undefined && stepOf(line) !== filter.step) continue;
    if (filter.skip > 0) filter.skip--;
    else wanted += `${line}\n`;
  }
  return Buffer.from(wanted, "latin1");
}

/** The log's own bytes. */
export function encodeText(lines: Uint8Array): Uint8Array<ArrayBuffer> {
  let out = "";
  eachText(bytesOf(lines), (escaped, isPartial) => {
    out += escaped.includes("\\") ? unescape(escaped) : escaped;
    if (!isPartial) out += "\n";
  });
  return Buffer.from(out, "latin1");
}

/** The log's own bytes as the inside of a JSON string: stored text is escaped already. */
export function encodeJsonString(lines: Uint8Array): Uint8Array<ArrayBuffer> {
  let out = "";
  eachText(bytesOf(lines), (escaped, isPartial) => {
    out += escaped;
    if (!isPartial) out += "\\n";
  });
  return Buffer.from(out, "latin1");
}

/** Each line, without its end. */
export function splitLines(lines: Uint8Array): readonly string[] {
  const found = splitBytes(lines);
  return isAscii(lines) ? found : found.map(utf8Of);
}

/** The seq of the last line; 0 when there is none. */
export function lastSeqOf(lines: Uint8Array): number {
  const end = lines.at(-1) === 10 ? lines.length - 1 : lines.length;
  const start = end > 0 ? lines.lastIndexOf(10, end - 1) + 1 : 0;
  return end <= 0 ? 0 : seqOf(bytesOf(lines.subarray(start, end)));
}

export function seqOf(line: string): number {
  const comma = line.indexOf(",");
  const seq = line.startsWith(seqKey) ? Number(line.substring(seqKey.length, comma)) : Number.NaN;
  return Number.isSafeInteger(seq) ? seq : parsed(line).seq;
}

function stepOf(line: string): number {
  const at = line.indexOf(stepKey);
  const isPlain = at !== -1 && at < line.indexOf(textKey);
  return isPlain ? Number.parseInt(line.slice(at + stepKey.length), 10) : parsed(line).step;
}

function splitBytes(lines: Uint8Array): string[] {
  return bytesOf(lines)
    .split("\n")
    .filter((line) => line !== "");
}

/** Each line's text, as it is escaped in the file. */
function eachText(bytes: string, take: (escaped: string, isPartial: boolean) => void): void {
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf("\n", start);
    const end = found === -1 ? bytes.length : found;
    const at = bytes.indexOf(textKey, start);
    const from = at + textKey.length;
    // No text can end like that, since a quote within it is escaped.
    const ending = bytes.startsWith(plainEnd, end - plainEnd.length) ? plainEnd : partialEnd;
    if (at !== -1 && at < end && bytes.startsWith(ending, end - ending.length)) {
      take(bytes.substring(from, end - ending.length), ending === partialEnd);
    } else if (end > start) {
      const line = parsed(bytes.substring(start, end));
      take(bytesOf(Buffer.from(JSON.stringify(line.text))).slice(1, -1), line.partial === true);
    }
    start = end + 1;
  }
}

function parsed(line: string): LogLine {
  return JSON.parse(utf8Of(line));
}

/** From bytes to bytes: only an escape of a character beyond U+00FF needs the long way. */
function unescape(escaped: string): string {
  if (!/\\u(?!00)/i.test(escaped)) return JSON.parse(`"${escaped}"`);
  const text: string = JSON.parse(`"${utf8Of(escaped)}"`);
  return bytesOf(Buffer.from(text));
}

function utf8Of(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function bytesOf(lines: Uint8Array): string {
  return Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString("latin1");
}
