import { LogTail } from "./log-tail.ts";

/** Between the one writer of a run's log and its readers, in this process. */
export class LogFeed {
  readonly tail = new LogTail();
  #size: number | undefined;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  /** How much of the file readers may read; undefined before there's a writer. */
  get size(): number | undefined {
    return this.#size;
  }

  /** Nothing more will be announced. */
  get ended(): boolean {
    return this.#ended;
  }

  /** For tests: how many readers wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  announce(size: number): void {
    this.#size = size;
    this.#ended = false;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next announcement, at the end, or when `signal` aborts. Leaves nothing behind. */
  change(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}
