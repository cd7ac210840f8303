import { setImmediate as nextTurn } from "node:timers/promises";

const sliceMs = 4;
const looksEvery = 16;

/** Lets others have their turn between pieces of work that are too small for a turn of their own. */
export class Slices {
  #count = 0;
  #began = performance.now();

  /** To be called before each piece. Rejects when `signal` is aborted. */
  async pause(signal: AbortSignal): Promise<void> {
    await nextTurn();
    signal.throwIfAborted();
    this.#began = performance.now();
  }

  /** Whether it's time to `pause`. Most pieces need no promise. */
  get isOver(): boolean {
    this.#count += 1;
    return this.#count % looksEvery === 0 && performance.now() - this.#began > sliceMs;
  }
}
