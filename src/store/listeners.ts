import type { RunState } from "../events/run-state.ts";
import { messageOf } from "../shared/errors.ts";

/** Who wants to know of every change of a run. One that fails keeps nobody else from it. */
export class Listeners {
  readonly #listeners = new Set<(state: RunState) => void>();
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Returns what ends it. */
  add(listener: (state: RunState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(state: RunState): void {
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#warn(`a listener failed at run ${state.runId}: ${messageOf(error)}`);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
