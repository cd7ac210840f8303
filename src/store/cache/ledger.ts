import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../shared/clock.ts";
import { RunnerError } from "../../shared/errors.ts";
import { makeFolder } from "../atomic.ts";
import { cacheFolder, cacheLockFile, type CacheEntryName, cacheUnfinishedFolder } from "../layout.ts";
import { lockAt } from "../lock.ts";
import { entryFiles, removeEntry } from "./entry-files.ts";
import { CacheIndex } from "./index-journal.ts";

const lockPatienceMs = 60_000;
const lockRetryMs = 10;
/** A save writes all the time: what was written to so long ago is nobody's. */
const abandonedMs = 3 * 60 * 60 * 1000;

/** Who may change the cache, one at a time among all processes, and what is in it by size and use. */
export class CacheLedger {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #index: CacheIndex;
  /** Being read by this process. */
  readonly #reading = new Map<CacheEntryName, number>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
    this.#index = new CacheIndex(folder);
  }

  /** Does what no other process may do at the same time. */
  locked<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => this.#withLock(work));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Used from now on until it's released: it's not evicted meanwhile, and goes last afterwards. */
  use(name: CacheEntryName): () => void {
    this.#reading.set(name, (this.#reading.get(name) ?? 0) + 1);
    this.#index.append({ entry: name, at: this.#clock.now() });
    return () => {
      const readers = (this.#reading.get(name) ?? 1) - 1;
      if (readers > 0) this.#reading.set(name, readers);
      else this.#reading.delete(name);
    };
  }

  /** Writes down what is about to be saved, before it is: a crash in between leaves a size too many, never one too few. Only when `locked`. */
  async saved(name: CacheEntryName, bytes: number): Promise<void> {
    await this.#refresh();
    this.#index.append({ entry: name, at: this.#clock.now(), bytes });
  }

  /** Only when `locked`. */
  gone(name: CacheEntryName): void {
    this.#index.append({ entry: name, at: this.#clock.now(), bytes: 0 });
  }

  /** Removes what was used longest ago until the rest fits; neither `kept` nor what is being read. Only when `locked`. */
  async evict(mostBytes: number, kept: CacheEntryName): Promise<void> {
    await this.#refresh();
    let excess = this.#index.bytes - mostBytes;
    for (const [name, { bytes }] of this.#index.entries()) {
      if (excess <= 0) break;
      if (name === kept || this.#reading.has(name)) continue;
      removeEntry(this.#folder, name);
      this.gone(name);
      excess -= bytes;
    }
    await this.#refresh();
    await this.#index.compact();
    this.#removeAbandoned();
  }

  async #refresh(): Promise<void> {
    if (this.#index.refresh()) return;
    const found = [...entryFiles(this.#folder)].map(({ name, ...indexed }) => [name, indexed] as const);
    await this.#index.rebuild(found);
  }

  /** What a process that was killed was writing. */
  #removeAbandoned(): void {
    const unfinished = cacheUnfinishedFolder(this.#folder);
    for (const name of readdirSync(unfinished)) {
      const path = join(unfinished, name);
      const written = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
      if (written !== undefined && written < Date.now() - abandonedMs) rmSync(path, { force: true });
    }
  }

  async #withLock<T>(work: () => Promise<T>): Promise<T> {
    await makeFolder(cacheFolder(this.#folder), false);
    await makeFolder(cacheUnfinishedFolder(this.#folder), false);
    const release = await this.#lock();
    try {
      return await work();
    } finally {
      release();
    }
  }

  async #lock(): Promise<() => void> {
    const deadline = performance.now() + lockPatienceMs;
    for (;;) {
      try {
        return lockAt(cacheLockFile(this.#folder), inUse);
      } catch (error) {
        const isHeld = error instanceof RunnerError && error.code === "state_locked";
        if (!isHeld || performance.now() > deadline) throw error;
        await sleep(lockRetryMs);
      }
    }
  }
}

function inUse(pid: number): RunnerError {
  return new RunnerError("state_locked", `the cache is being changed by the process ${String(pid)}`);
}
