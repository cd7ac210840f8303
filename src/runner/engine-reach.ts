import { messageOf } from "../shared/errors.ts";
import type { RunnerOptions } from "./context.ts";

const pingMs = 2000;

/** Whether the engine can be reached. While it's away runs wait: they'd only fail. */
export class EngineReach {
  readonly #options: RunnerOptions;
  readonly #askAgainLater: () => void;
  #isAway = false;

  constructor(options: RunnerOptions, askAgainLater: () => void) {
    this.#options = options;
    this.#askAgainLater = askAgainLater;
  }

  async answers(): Promise<boolean> {
    const { engine, log } = this.#options;
    try {
      await engine.ping(AbortSignal.timeout(pingMs));
      if (this.#isAway) log.info("the engine answers again");
      this.#isAway = false;
      return true;
    } catch (error) {
      if (!this.#isAway) log.warn("runs wait for the engine", { error: messageOf(error) });
      this.#isAway = true;
      this.#askAgainLater();
      return false;
    }
  }
}

/** Removes what earlier processes left in the engine. An engine out of reach is no error: the next start sweeps again. */
export async function sweep(live: ReadonlySet<string>, { engine, log }: RunnerOptions): Promise<void> {
  try {
    const removed = await engine.sweep(live);
    for (const run of removed) log.info("removed what a run had left in the engine", { run });
  } catch (error) {
    log.warn("couldn't look for leftovers in the engine", { error: messageOf(error) });
  }
}
