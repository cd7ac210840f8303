import { isatty } from "node:tty";
import { writeErr, writeOut } from "../output.ts";
import type { Piece } from "./stage-output.ts";

/** Where text goes; a test's may keep it. */
export type Write = (piece: Piece) => Promise<void>;

/**
 * Both streams, one write after another in the order of the calls, so that they meet in order on a terminal. A caller
 * that awaits its `print` holds no more than one text in memory.
 */
export class Screen {
  readonly #write: Write;
  /** Both streams end on the same terminal, where a line of stderr mustn't begin in the midst of one of stdout. */
  readonly #shared: boolean;
  #midLine = false;
  #last: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(write: Write, shared: boolean) {
    this.#write = write;
    this.#shared = shared;
  }

  /** Rejects with OutputClosed as soon as nobody reads stdout any more. */
  print(pieces: readonly Piece[]): Promise<void> {
    const done = this.#last.then(() => this.#printAll(pieces));
    this.#last = done.catch(() => {});
    return done;
  }

  async #printAll(pieces: readonly Piece[]): Promise<void> {
    for (const piece of pieces) {
      if (piece.to === "stdout" && this.#failure !== undefined) throw this.#failure;
      await this.#printOne(piece);
    }
  }

  async #printOne({ to, text }: Piece): Promise<void> {
    const breaksLine = this.#shared && this.#midLine && to === "stderr";
    this.#midLine = !text.endsWith("\n");
    try {
      await this.#write({ to, text: breaksLine ? `\n${text}` : text });
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}

/** The process's own two streams. */
export function processScreen(): Screen {
  return new Screen(writeToProcess, isatty(1) && isatty(2));
}

function writeToProcess({ to, text }: Piece): Promise<void> {
  return to === "stdout" ? writeOut(text) : writeErr(text);
}
