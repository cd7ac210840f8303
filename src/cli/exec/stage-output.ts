import type { LogLine } from "../../events/event.ts";
import { printable } from "../printable.ts";

/** Text for one of our two streams. */
export interface Piece {
  readonly to: "stdout" | "stderr";
  readonly text: string;
}

/** A line longer than this is broken, so that a stage that never ends its line can't fill the memory. */
const maxJoinedLength = 16 * 1024 * 1024;

/**
 * Makes the text to print of one stage's log lines. The script's output goes to stdout; the runner's own words go to
 * stderr, so that stdout is the output and nothing else.
 *
 * With a prefix every line is printed whole, and never in the midst of another stage's; without one the output goes
 * through as it is.
 */
export class StageOutput {
  readonly #prefix: string;
  #pending: string[] = [];
  #pendingLength = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(lines: readonly LogLine[]): readonly Piece[] {
    const pieces: { to: Piece["to"]; parts: string[] }[] = [];
    for (const line of lines) {
      const to = line.stream === "runner" ? "stderr" : "stdout";
      const last = pieces.at(-1);
      const text = this.#textOf(line);
      if (last?.to === to) last.parts.push(text);
      else pieces.push({ to, parts: [text] });
    }
    return pieces.map(({ to, parts }) => ({ to, text: parts.join("") })).filter(({ text }) => text !== "");
  }

  /** What is left of a line that never ended. */
  end(): readonly Piece[] {
    return this.#pendingLength === 0 ? [] : [{ to: "stdout", text: this.#flush() }];
  }

  #textOf(line: LogLine): string {
    if (line.stream === "runner") return `${this.#prefix}${printable(line.text)}\n`;
    if (this.#prefix === "") return line.partial ? line.text : `${line.text}\n`;
    this.#pending.push(line.text);
    this.#pendingLength += line.text.length;
    return line.partial && this.#pendingLength < maxJoinedLength ? "" : this.#flush();
  }

  #flush(): string {
    const text = `${this.#prefix}${this.#pending.join("")}\n`;
    this.#pending = [];
    this.#pendingLength = 0;
    return text;
  }
}
