import type { Problem } from "./problem.ts";

/** A message may name a key that is a megabyte long. */
const longestMessage = 1000;

/** Offsets into the text, the end not included. */
export type Range = readonly [start: number, end: number];

/** The text of a manifest, which knows its lines. */
export class SourceText {
  readonly #file: string;
  readonly #text: string;
  readonly #lineStarts: readonly number[];

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
    this.#lineStarts = startsOfLines(text);
  }

  problemAt([start, end]: Range, message: string): Problem {
    const line = this.#lineOf(start);
    const lineStart = this.#lineStarts[line - 1] ?? 0;
    const next = this.#lineStarts[line];
    const whole = this.#text.slice(lineStart, next === undefined ? undefined : next - 1);
    const source = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
    const length = Math.max(1, Math.min(end, lineStart + source.length) - start);
    const said = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
    return { file: this.#file, line, column: start - lineStart + 1, length, message: said, source };
  }

  slice([start, end]: Range): string {
    return this.#text.slice(start, end);
  }

  /** 1-based; by halving, since a file of errors asks often. */
  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
