import { closeSync, futimesSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { formatBytes } from "../../shared/bytes.ts";
import type { Clock } from "../../shared/clock.ts";
import { RunnerError } from "../../shared/errors.ts";
import { makeFolder } from "../atomic.ts";
import { Restorer, type StageUser } from "./attributes.ts";
import { type CacheEntry, type CacheIdentity, entryNameOf } from "./entry.ts";
import { entryFiles, openEntry, type OpenEntry, removeEntry } from "./entry-files.ts";
import { keepCacheKeys, keptCacheKeys } from "./kept-keys.ts";
import { CacheLedger } from "./ledger.ts";
import { placeAll } from "./place.ts";
import { removeTree } from "./remove-tree.ts";
import { type CacheFilter, type Cleared, resetCache } from "./reset.ts";
import { type SaveRequest, type Saved, saveEntry } from "./save.ts";
import { BrokenArchive } from "./tar-parser.ts";
import { unpack } from "./unpack.ts";

export interface CacheOptions {
  /** The state folder it's part of. */
  readonly folder: string;
  /** The one in which the runs are that use it, where that is another one. */
  readonly runsFolder?: string;
  readonly durable: boolean;
  readonly clock: Clock;
}

/** Where a restored cache goes. */
export interface Destination {
  readonly workspace: string;
  /** A folder that isn't there yet, on the workspace's disk, that no stage can reach. */
  readonly scratch: string;
  readonly user: StageUser;
}

export interface Restoration {
  /** The one that was restored; none: there is none. */
  readonly restored: CacheEntry | undefined;
  /** Of those that came first: what was damaged, and is removed. */
  readonly damaged: readonly CacheIdentity[];
}

/** What runs leave for later ones. Shared by all processes that use the same state folder, and safe among them. */
export class Cache {
  readonly #options: CacheOptions;
  readonly #ledger: CacheLedger;

  /** The state folder it's part of. */
  get folder(): string {
    return this.#options.folder;
  }

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#ledger = new CacheLedger(options.folder, options.clock);
  }

  /** Puts the first of `wanted` that there is into the workspace, whole or not at all. Throws InTheWay, `disk_full`, system errors. */
  async restore(
    wanted: readonly CacheIdentity[],
    destination: Destination,
    signal: AbortSignal,
  ): Promise<Restoration> {
    const damaged: CacheIdentity[] = [];
    for (const identity of wanted) {
      const found = openEntry(this.#options.folder, entryNameOf(identity));
      if (found.kind === "absent") continue;
      const restored = found.kind === "open" && (await this.#restore(found.opened, destination, signal));
      if (restored !== false) return { restored, damaged };
      damaged.push(identity);
      if (found.kind === "damaged") await this.#drop(entryNameOf(identity), found.inode);
    }
    return { restored: undefined, damaged };
  }

  /** Saves what the paths name, unless it's what is stored already. Throws `disk_full`, `state_unwritable`. */
  save(request: SaveRequest, signal: AbortSignal): Promise<Saved> {
    return saveEntry(request, { ...this.#options, ledger: this.#ledger }, signal);
  }

  /** See `keepCacheKeys`. */
  keepKeys(runId: string, keys: readonly string[]): Promise<void> {
    const { folder, runsFolder = folder } = this.#options;
    return keepCacheKeys(runsFolder, runId, keys);
  }

  keptKeys(runId: string): readonly string[] | undefined {
    const { folder, runsFolder = folder } = this.#options;
    return keptCacheKeys(runsFolder, runId);
  }

  /** Every whole entry, in no order. */
  async *entries(): AsyncGenerator<{ readonly entry: CacheEntry; readonly bytes: number }, void, void> {
    for (const { name, bytes } of entryFiles(this.#options.folder)) {
      const found = openEntry(this.#options.folder, name);
      if (found.kind !== "open") continue;
      closeSync(found.opened.fd);
      yield { entry: found.opened.entry, bytes };
    }
  }

  /** Removes the entries that the filter names, all without one. */
  reset(filter: CacheFilter): Promise<Cleared> {
    return resetCache(this.#options.folder, filter, this.#ledger);
  }

  /** False when it's damaged, and then it's gone. */
  async #restore(
    opened: OpenEntry,
    destination: Destination,
    signal: AbortSignal,
  ): Promise<CacheEntry | false> {
    const { fd, entry, name } = opened;
    const release = this.#ledger.use(name);
    try {
      noteUse(fd, this.#options.clock.now());
      mustFit(destination.workspace, entry);
      await bring(opened, destination, signal);
      return entry;
    } catch (error) {
      if (!(error instanceof BrokenArchive)) throw error;
      await this.#drop(name, opened.inode);
      return false;
    } finally {
      release();
      closeSync(fd);
      removeTree(destination.scratch);
    }
  }

  /** Removes a damaged entry, unless another one has taken its place. */
  async #drop(name: string, inode: number): Promise<void> {
    await this.#ledger.locked(async () => {
      if (removeEntry(this.#options.folder, name, inode)) this.#ledger.gone(name);
    });
  }
}

async function bring(
  { fd, start, entry }: OpenEntry,
  { workspace, scratch, user }: Destination,
  signal: AbortSignal,
): Promise<void> {
  const restorer = new Restorer(user);
  const from = join(scratch, "unpacked");
  await makeFolder(from, false);
  const folders = await unpack({ fd, start, entry }, from, restorer, signal);
  await placeAll({ from, aside: join(scratch, "replaced"), workspace, folders }, restorer, signal);
}

/** For an index that has to be made anew. */
function noteUse(fd: number, now: number): void {
  try {
    futimesSync(fd, now / 1000, now / 1000);
  } catch {
    // A cache of another user's: it may be read all the same.
  }
}

function mustFit(workspace: string, { rawBytes }: CacheEntry): void {
  const { bavail, bsize } = statfsSync(workspace);
  if (rawBytes > bavail * bsize)
    throw new RunnerError("disk_full", `no space left for its ${formatBytes(rawBytes)}`);
}
