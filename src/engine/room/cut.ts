import type { OutputLine } from "../engine.ts";
import type { Marks } from "./marks.ts";
import { markerPrefix } from "./script.ts";

/** A line longer than this is stored in pieces. */
export const longestPiece = 64 * 1024;
/** No mark is longer. */
const longestMark = 256;
const lineEnd = 0x0a;
const markEnd = 0x1e;

export interface CutOutput {
  readonly lines: OutputLine[];
  /** How many bytes of the input were used: lines, pieces and marks. The rest comes again, with what follows it. */
  readonly used: number;
}

/**
 * Cuts raw output into lines and takes the marks out of it. `flush`: nothing will follow, so an unfinished line is
 * yielded as it is. Reading stops at the mark that says that all has ended: `marks.end`.
 */
export class Cutter {
  readonly #prefix: Buffer;

  constructor(nonce: string) {
    this.#prefix = Buffer.from(markerPrefix(nonce));
  }

  cut(bytes: Buffer, marks: Marks, flush: boolean): CutOutput {
    const lines: OutputLine[] = [];
    let position = 0;
    while (marks.end === undefined) {
      const mark = bytes.indexOf(this.#prefix, position);
      if (mark === -1) break;
      const end = bytes.subarray(mark + 1, mark + longestMark).indexOf(markEnd);
      if (end === -1 && !flush && bytes.length - mark < longestMark) {
        // The mark isn't whole yet. What stands before it is, up to its last line end.
        return { lines, used: position + takeLines(lines, bytes.subarray(position, mark), marks.step) };
      }
      takeAll(lines, bytes.subarray(position, mark), marks.step);
      // Without an end it's a forgery; the prefix is left out and the rest is output.
      if (end !== -1) marks.read(bytes.toString("latin1", mark + this.#prefix.length, mark + 1 + end));
      position = end === -1 ? mark + this.#prefix.length : mark + 2 + end;
    }
    if (marks.end !== undefined) return { lines, used: position };
    const rest = bytes.subarray(position);
    if (flush) {
      takeAll(lines, rest, marks.step);
      return { lines, used: bytes.length };
    }
    return { lines, used: position + takeLines(lines, rest, marks.step) };
  }
}

/** Whole lines only; of an unfinished one that's too long, pieces. Returns how many bytes it took. */
function takeLines(lines: OutputLine[], bytes: Buffer, step: number): number {
  const whole = bytes.lastIndexOf(lineEnd) + 1;
  if (!pushShortLines(lines, bytes.subarray(0, whole), step))
    pushLongLines(lines, bytes.subarray(0, whole), step);
  const rest = bytes.subarray(whole);
  return whole + pushPieces(lines, rest, step, longestPiece + longestMark);
}

/** Everything: what follows is a mark or nothing. */
function takeAll(lines: OutputLine[], bytes: Buffer, step: number): void {
  const used = takeLines(lines, bytes, step);
  pushPieces(lines, bytes.subarray(used), step, 0);
}

/** The common case, in one decoding. False, and nothing pushed, when a line may be too long for one. */
function pushShortLines(lines: OutputLine[], bytes: Buffer, step: number): boolean {
  const before = lines.length;
  const text = bytes.toString("utf8");
  let begin = 0;
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", begin)) {
    if (end - begin > longestPiece / 3) {
      lines.length = before;
      return false;
    }
    lines.push({ step, text: text.slice(begin, end) });
    begin = end + 1;
  }
  return true;
}

/** A line is cut at the same places whether it came at once or byte by byte. */
function pushLongLines(lines: OutputLine[], bytes: Buffer, step: number): void {
  let begin = 0;
  for (let end = bytes.indexOf(lineEnd); end !== -1; end = bytes.indexOf(lineEnd, begin)) {
    begin += pushPieces(lines, bytes.subarray(begin, end), step, longestPiece);
    lines.push({ step, text: bytes.toString("utf8", begin, end) });
    begin = end + 1;
  }
}

/** Pieces, until no more than `remain` bytes are left. Returns how many bytes it took. */
function pushPieces(lines: OutputLine[], bytes: Buffer, step: number, remain: number): number {
  let used = 0;
  while (bytes.length - used > remain) {
    const piece = pieceOf(bytes.subarray(used));
    lines.push({ step, text: piece.toString("utf8"), partial: true });
    used += piece.length;
  }
  return used;
}

/** The longest piece that doesn't end within a character, if the bytes are UTF-8 at all. */
function pieceOf(bytes: Buffer): Buffer {
  if (bytes.length <= longestPiece) return bytes;
  let end = longestPiece;
  while (end > longestPiece - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end > longestPiece - 4 ? end : longestPiece);
}
