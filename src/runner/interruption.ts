import type { Clock } from "../shared/clock.ts";

export type InterruptionKind = "timeout" | "canceled";

/** Why a run is ended before its script is. The first one counts; what fails afterwards is fallout. */
export class Interruption {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #kind: InterruptionKind | undefined;
  #timer: Timer | undefined;

  constructor() {
    this.signal = this.#controller.signal;
  }

  get kind(): InterruptionKind | undefined {
    return this.#kind;
  }

  interrupt(kind: InterruptionKind): void {
    if (this.#kind !== undefined) return;
    this.#kind = kind;
    this.#controller.abort(new Error(kind));
  }

  /** `deadline`: RFC 3339, wall time, so that it holds across restarts. A longer wait than timers take is taken in parts. */
  interruptAt(deadline: string, clock: Clock): void {
    clearTimeout(this.#timer);
    const leftMs = Date.parse(deadline) - clock.now();
    // The other way round, so that a deadline that can't be read is over, too.
    if (!(leftMs > 0)) return this.interrupt("timeout");
    this.#timer = setTimeout(() => this.interruptAt(deadline, clock), Math.min(leftMs, longestTimerMs));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

const longestTimerMs = 2 ** 30;
