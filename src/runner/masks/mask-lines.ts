import type { OutputLine } from "../../engine/engine.ts";
import type { Span } from "./mask-matcher.ts";
import { masked } from "./mask.ts";

/** The text that lines make up. */
export function joined(lines: readonly OutputLine[]): string {
  let text = "";
  for (const line of lines) text += line.partial === true ? line.text : `${line.text}\n`;
  return text;
}

/** In the text that lines make up. */
export function lengthOf(line: OutputLine): number {
  return line.partial === true ? line.text.length : line.text.length + 1;
}

/** Where the first line begins that has to wait when `at` has: a line with an end waits as a whole, a piece from there on. */
export function heldFrom(lines: readonly OutputLine[], at: number): number {
  let offset = 0;
  for (const line of lines) {
    const next = offset + lengthOf(line);
    if (at < next) return line.partial === true ? at : offset;
    offset = next;
  }
  return offset;
}

interface Wanted {
  /** In order; the first may begin before the text. */
  readonly spans: readonly Span[];
  /** Where in the text to stop. */
  readonly until: number;
  /** Whether the first line begins with its own beginning. */
  readonly startsLine: boolean;
}

/** Lines without what the spans cover, each still a line: a secret of several leaves a mask in each. */
export function maskLines(lines: readonly OutputLine[], { spans, until, startsLine }: Wanted): OutputLine[] {
  const out: OutputLine[] = [];
  let offset = 0;
  let next = 0;
  let begins = startsLine;
  for (const line of lines) {
    if (offset >= until) break;
    const end = Math.min(offset + line.text.length, until);
    while ((spans[next]?.[1] ?? Infinity) <= offset) next++;
    const text = maskedPiece(line.text, spans, { offset, end, next, begins });
    const isPiece = line.partial === true || offset + line.text.length >= until;
    if (!isPiece) out.push(text === line.text ? line : { step: line.step, text });
    else if (text !== "") out.push({ step: line.step, text, partial: true });
    begins = line.partial !== true;
    offset += lengthOf(line);
  }
  return out;
}

/** `next`: the first span that may bear on the line, which lies at `offset` and is wanted up to `end`. */
function maskedPiece(
  text: string,
  spans: readonly Span[],
  { offset, end, next, begins }: { offset: number; end: number; next: number; begins: boolean },
): string {
  let out = "";
  let from = offset;
  for (let index = next; index < spans.length; index++) {
    const [start, stop] = spans[index] ?? [end, end];
    if (start >= end) break;
    out += text.slice(from - offset, Math.max(from, start) - offset);
    // One that goes on from a piece of the same line has its mask there.
    if (start >= offset || begins) out += masked;
    from = Math.min(stop, end);
  }
  return out + text.slice(from - offset, end - offset);
}
