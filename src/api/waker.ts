/** Lets one waiter sleep until something happens or time is up. A wake that comes before the sleep isn't lost. */
export class Waker {
  #awake = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#awake = true;
    this.#resolve?.();
  }

  /** Resolves to false when nothing happened for `timeoutMs`. */
  async sleep(timeoutMs: number): Promise<boolean> {
    if (!this.#awake) await this.#wait(timeoutMs);
    const woken = this.#awake;
    this.#awake = false;
    return woken;
  }

  async #wait(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolve = resolve;
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#resolve = undefined;
  }
}
