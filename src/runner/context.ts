import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/log.ts";
import type { Engine } from "../engine/engine.ts";
import type { Store } from "../store/store.ts";

export interface RunnerOptions {
  readonly engine: Engine;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Asked for at every decision, so that a new configuration holds from then on. */
  readonly settings: () => RunnerSettings;
  /** Between two tries for what is away: the engine, or room on the disk. 2000 when absent. */
  readonly retryMs?: number;
}

export const defaultRetryMs = 2000;

export interface RunnerSettings {
  readonly runnerId: string;
  readonly version: string;
  /** How many runs at the same time. */
  readonly concurrency: number;
  /** How many runs may wait; one more is refused. */
  readonly queueLimit: number;
  /** Between TERM and KILL. */
  readonly graceMs: number;
  /** Under which a repository's submodules must lie. */
  readonly repoRoots: readonly string[];
  /** `exec`: nobody adopts its runs after a crash, so the engine may let their containers vanish by themselves. */
  readonly ephemeral: boolean;
  /** How many bytes all caches together may have. */
  readonly cacheLimit: number;
}
