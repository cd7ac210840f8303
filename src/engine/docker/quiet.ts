/** A start is likely to follow the end of another stage within this time. */
const calmMs = 60;
/** What was put off waits no longer than this, and no more than so many wait. */
const patienceMs = 10_000;
const mostWaiting = 16;

/**
 * Puts tearing down off while stages start. An engine that does both at once makes the start nearly twice as slow (its
 * networks are made and unmade under one lock of the kernel), and nobody waits for the tearing down.
 */
export class Quiet {
  #starting = 0;
  #waiting: { readonly resolve: () => void; readonly since: number }[] = [];
  #timer: Timer | undefined;

  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#starting++;
    this.#arm();
    try {
      return await start();
    } finally {
      this.#starting--;
      this.#arm();
    }
  }

  /** Resolves when nothing has started for a moment, or patience is at its end. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ resolve, since: performance.now() });
      if (this.#waiting.length > mostWaiting) this.release();
      else this.#arm();
    });
  }

  /** No start is near: whoever waits goes on now. */
  release(): void {
    clearTimeout(this.#timer);
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    const leftMs = Math.max(0, oldest.since + patienceMs - performance.now());
    this.#timer = setTimeout(() => this.release(), this.#starting > 0 ? leftMs : Math.min(calmMs, leftMs));
  }
}
