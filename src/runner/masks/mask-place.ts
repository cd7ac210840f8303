import type { Cursor, OutputLine } from "../../engine/engine.ts";
import { lengthOf } from "./mask-lines.ts";

/**
 * How far a stage's output was given out. The engine's cursor alone can't say it: what may be the beginning of a secret is held
 * back in the midst of a batch. Counted from `base` it's the same however the bytes come in batches next time.
 */
export interface Place {
  /** The engine's. */
  readonly base: Cursor | undefined;
  /** Line ends given out since. */
  readonly lines: number;
  /** Characters (of UTF-16) since the last line end, or since `base`. */
  readonly units: number;
  /** So many characters that follow belong to a secret whose beginning was given out. */
  readonly covered: number;
  /** `hidden`: within a line that isn't shown. */
  readonly line: LinePlace;
}

export type LinePlace = "start" | "within" | "hidden";

function placeAt(base: Cursor | undefined): Place {
  return { base, lines: 0, units: 0, covered: 0, line: "start" };
}

/** The engine's own cursor where it says all. */
export function cursorOf({ base, lines, units, covered, line }: Place): Cursor {
  const isAll = lines === 0 && units === 0 && covered === 0 && line === "start";
  if (isAll && typeof base === "number") return base;
  return JSON.stringify([base ?? null, lines, units, covered, line]);
}

export function placeOf(cursor: Cursor | undefined): Place {
  if (typeof cursor !== "string") return placeAt(cursor);
  const fields = fieldsOf(cursor);
  const [base, lines, units, covered, line] = fields;
  if (!isCount(lines) || !isCount(units) || !isCount(covered)) return placeAt(cursor);
  return {
    base: typeof base === "number" || typeof base === "string" ? base : undefined,
    lines,
    units,
    covered,
    line: line === "within" || line === "hidden" ? line : "start",
  };
}

function fieldsOf(text: string): readonly unknown[] {
  try {
    const fields: unknown = JSON.parse(text);
    return Array.isArray(fields) ? fields : [];
  } catch {
    return [];
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Counts what is passed of the lines that were held back and of those of a new batch, one after the other. */
export class Passing {
  #base: Cursor | undefined;
  #lines: number;
  #units: number;
  #line: LinePlace;
  #held: number;
  readonly #batch: Cursor | undefined;

  /** `held`: how many lines come from earlier batches; `batch`: the engine's place before the new one. */
  constructor(from: Place, held: number, batch: Cursor | undefined) {
    this.#base = from.base;
    this.#lines = from.lines;
    this.#units = from.units;
    this.#line = from.line;
    this.#held = held;
    this.#batch = batch;
  }

  get startsLine(): boolean {
    return this.#line === "start";
  }

  whole(line: OutputLine): void {
    if (line.partial === true) this.part(line.text.length);
    else {
      this.#lines += 1;
      this.#units = 0;
      this.#line = "start";
    }
    this.#held -= 1;
    // Nothing of earlier batches is left: their place need not be gone back to.
    if (this.#held === 0) [this.#base, this.#lines, this.#units] = [this.#batch, 0, 0];
  }

  part(units: number): void {
    this.#units += units;
    if (units > 0) this.#line = "within";
  }

  /** The first `until` characters of the text that lines make up; returns the lines that are left. */
  through(lines: readonly OutputLine[], until: number): readonly OutputLine[] {
    let offset = 0;
    for (const [index, line] of lines.entries()) {
      const length = lengthOf(line);
      if (offset + length > until) {
        const cut = until - offset;
        this.part(cut);
        return [{ ...line, text: line.text.slice(cut) }, ...lines.slice(index + 1)];
      }
      this.whole(line);
      offset += length;
    }
    return [];
  }

  place(covered: number, line = this.#line): Place {
    return { base: this.#base, lines: this.#lines, units: this.#units, covered, line };
  }
}
