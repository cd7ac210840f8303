import { messageOf } from "../shared/errors.ts";
import { removeWork } from "./cleanup.ts";
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

  /** As far as the last question told. */
  get isAway(): boolean {
    return this.#isAway;
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

/** Removes what earlier processes left of runs that are over, in the engine and on the disk. To be called before a run begins. */
export async function sweep(live: ReadonlySet<string>, options: RunnerOptions): Promise<void> {
  await sweepEngine(live, options);
  for (const run of await options.store.runsWithWork()) {
    if (!live.has(run)) await sweepWork(run, options);
  }
}

/** An engine out of reach is no error: the next start sweeps again. */
async function sweepEngine(live: ReadonlySet<string>, { engine, log }: RunnerOptions): Promise<void> {
  try {
    const removed = await engine.sweep(live);
    for (const run of removed) log.info("removed what a run had left in the engine", { run });
  } catch (error) {
    log.warn("couldn't look for leftovers in the engine", { error: messageOf(error) });
  }
}

/** A crash came between the run's verdict and its cleaning up. */
async function sweepWork(run: string, options: RunnerOptions): Promise<void> {
  const { store, log } = options;
  try {
    const state = await store.load(run);
    await (state === undefined ? store.removeWork(run) : removeWork(state, options));
    log.info("removed what a run had left on the disk", { run });
  } catch (error) {
    log.warn("couldn't remove a work folder", { run, error: messageOf(error) });
  }
}
