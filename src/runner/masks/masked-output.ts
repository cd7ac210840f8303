import type { Cursor, OutputBatch, OutputLine } from "../../engine/engine.ts";
import { type Command, commandAt } from "./mask-command.ts";
import { heldFrom, joined, lengthOf, maskLines } from "./mask-lines.ts";
import { cursorOf, Passing, placeOf, type Place } from "./mask-place.ts";
import type { Span } from "./mask-matcher.ts";
import type { Mask } from "./mask.ts";

/**
 * A stage's output on its way to the log: secrets become masks, across lines, batches and pieces of lines. What may be the
 * beginning of a secret waits for what follows; the cursor given out is always that of the text given out, so that a
 * restart goes on there, however the output is cut into batches then.
 */
export class MaskedOutput {
  readonly #mask: Mask;
  readonly #found: (value: string | undefined) => void;
  #place: Place;
  /** What comes before `#place`, to be left out when it comes again. */
  readonly #skip: { lines: number; units: number };
  /** The engine's place after the last batch. */
  #last: Cursor | undefined;
  #held: readonly OutputLine[] = [];

  /** `found` is told of each mask that the output itself asks for, before what follows is looked at; of undefined when one has no end. */
  constructor(mask: Mask, cursor: Cursor | undefined, found: (value: string | undefined) => void) {
    this.#mask = mask;
    this.#found = found;
    this.#place = placeOf(cursor);
    this.#skip = { lines: this.#place.lines, units: this.#place.units };
    this.#last = this.#place.base;
  }

  /** Where the engine's output is to be followed from. */
  get from(): Cursor | undefined {
    return this.#place.base;
  }

  push(batch: OutputBatch): OutputBatch {
    const lines = this.#unseen(batch.lines);
    const { cursor } = batch;
    const out = lines === undefined ? this.#leaveOut(cursor) : this.#give(lines, cursor, false);
    this.#last = cursor;
    return { lines: out, cursor: cursorOf(this.#place) };
  }

  /** What is still held back: nothing follows. */
  end(): OutputBatch {
    return { lines: this.#give([], this.#last, true), cursor: cursorOf(this.#place) };
  }

  /** Without what was given out before a restart; undefined when that's all of it, and more may come. */
  #unseen(lines: readonly OutputLine[]): readonly OutputLine[] | undefined {
    const skip = this.#skip;
    for (const [index, line] of lines.entries()) {
      if (skip.lines === 0 && skip.units === 0) return index === 0 ? lines : lines.slice(index);
      if (skip.lines > 0) {
        skip.lines -= line.partial === true ? 0 : 1;
        continue;
      }
      const seen = Math.min(skip.units, line.text.length);
      skip.units -= seen;
      if (seen < lengthOf(line)) return [{ ...line, text: line.text.slice(seen) }, ...lines.slice(index + 1)];
    }
    return skip.lines === 0 && skip.units === 0 ? [] : undefined;
  }

  #leaveOut(cursor: Cursor): OutputLine[] {
    this.#place = { ...this.#place, ...this.#skip, base: cursor };
    return [];
  }

  #give(added: readonly OutputLine[], cursor: Cursor | undefined, last: boolean): OutputLine[] {
    const round: Round = {
      lines: this.#held.length === 0 ? added : [...this.#held, ...added],
      passing: new Passing(this.#place, this.#held.length, this.#last),
      out: [],
      last,
    };
    this.#held = this.#walk(round);
    if (this.#held.length === 0) this.#place = { ...this.#place, base: cursor, lines: 0, units: 0 };
    return round.out;
  }

  /** From one command to the next; returns what can't be given out yet. */
  #walk(round: Round): readonly OutputLine[] {
    const { lines, passing, last } = round;
    let from = this.#place.line === "hidden" ? this.#hide(round, 0) : 0;
    for (let at = from; at < lines.length; at++) {
      const startsLine = at === from ? passing.startsLine : lines[at - 1]?.partial !== true;
      const command = startsLine ? commandAt(lines, at, last) : undefined;
      if (command === undefined) continue;
      // It may turn out to be none, and to belong to a secret together with what stands before it.
      if (command.kind === "unfinished") return this.#flush(round, lines.slice(from), at - from);
      // Nothing goes on across a line that isn't shown, so what stands before it is certain.
      this.#flush(round, lines.slice(from, at), "all");
      from = this.#obey(round, command, at);
      at = from - 1;
    }
    return this.#flush(round, lines.slice(from), last ? "all" : lines.length - from);
  }

  /** Returns the index of the line after the command. */
  #obey(round: Round, command: Command, at: number): number {
    this.#found(command.kind === "mask" ? command.value : undefined);
    return this.#hide(round, at);
  }

  /** The rest of a line isn't shown. Returns the index of the line after it. */
  #hide({ lines, passing }: Round, at: number): number {
    let index = at;
    let isOver = false;
    for (; index < lines.length && !isOver; index++) {
      const line = lines[index];
      if (line !== undefined) passing.whole(line);
      isOver = line?.partial !== true;
    }
    this.#place = passing.place(0, isOver ? "start" : "hidden");
    return index;
  }

  /** Gives out lines as far as they're certain, but no more than `most`, or all of them as they are; returns the rest. */
  #flush({ passing, out }: Round, lines: readonly OutputLine[], most: number | "all"): readonly OutputLine[] {
    if (lines.length === 0) return lines;
    const text = joined(lines);
    const spans = withCovered(this.#mask.find(text), this.#place.covered);
    const certain = most === "all" ? text.length : this.#mask.unfinishedFrom(text);
    const wanted =
      most === "all" ? text.length : lines.slice(0, most).reduce((sum, line) => sum + lengthOf(line), 0);
    const until = heldFrom(lines, Math.min(certain, wanted));
    const { startsLine } = passing;
    for (const line of maskLines(lines, { spans, until, startsLine })) out.push(line);
    const rest = passing.through(lines, until);
    const across = spans.find(([start, end]) => start < until && end > until);
    this.#place = passing.place(across === undefined ? 0 : across[1] - until);
    return rest;
  }
}

/** What becomes of one batch, and of what was held back before it. */
interface Round {
  readonly lines: readonly OutputLine[];
  readonly passing: Passing;
  readonly out: OutputLine[];
  readonly last: boolean;
}

/** With the beginning of the text that belongs to a secret which began before it. */
function withCovered(spans: readonly Span[], covered: number): readonly Span[] {
  if (covered === 0) return spans;
  const touching = spans.filter(([start]) => start <= covered);
  const end = Math.max(covered, ...touching.map(([, stop]) => stop));
  return [[-1, end], ...spans.filter(([start]) => start > covered)];
}
