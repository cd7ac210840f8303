import { createHmac, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../shared/clock.ts";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { readSealIn } from "./artifact.ts";
import { shareArtifacts } from "./artifact-share.ts";
import { makeFolder, syncFolder, writeAtomic } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { namesIn } from "./folder.ts";
import { artifactsFolder, standInsKeyFile, standInsOf } from "./layout.ts";
import { entryArtifacts, entryFile, readStandIn, type StandIn, standInText } from "./stand-in.ts";

/** Of whose successes one may stand in. */
export interface StagePlace {
  readonly orgId: string;
  readonly repoId: string;
  readonly stageId: string;
}

export interface StandInsOptions {
  /** Where the runs are. */
  readonly folder: string;
  /** Where the entries are; if that's another folder the runs are gone before them, so they keep their artifacts themselves. */
  readonly lasting: string;
  readonly durable: boolean;
  readonly clock: Clock;
}

/** So many states of a stage are remembered; the least recently used go. */
const mostOfStage = 32;

/**
 * Successes that may stand for later runs: `reuse/<org>/<repo>/<stage>/<digest>/`, the digest of all that the run depended on.
 * An entry is there as a whole or not at all; whatever is wrong with one, nothing is lost but time.
 */
export class StandIns {
  readonly #options: StandInsOptions;
  #key: Promise<Buffer> | undefined;

  constructor(options: StandInsOptions) {
    this.#options = options;
  }

  /** Keyed, since what goes in may hold secrets: nobody can try out values on it. */
  async digestOf(text: string): Promise<string> {
    const { lasting, durable } = this.#options;
    this.#key ??= readKey(standInsKeyFile(lasting), durable).catch((error: unknown) => {
      this.#key = undefined;
      throw error;
    });
    return createHmac("sha256", await this.#key)
      .update(text)
      .digest("hex")
      .slice(0, 40);
  }

  /** One whose artifacts are all there. */
  find(place: StagePlace, digest: string): StandIn | undefined {
    const entry = this.#entry(place, digest);
    const found = readStandIn(entry);
    if (found === undefined || found.artifacts === 0) return found;
    const seal = readSealIn(this.#artifactsOf(entry, found));
    if (seal?.artifacts.length !== found.artifacts) return undefined;
    const { expiresAt } = seal;
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.#options.clock.now() ? undefined : found;
  }

  /** The one that was made or used last. */
  newest(place: StagePlace): StandIn | undefined {
    const [entry] = entriesByAge(standInsOf(this.#options.lasting, place));
    return entry === undefined ? undefined : readStandIn(entry);
  }

  /** Throws `disk_full`, `state_unwritable`. */
  async publish(place: StagePlace, digest: string, standIn: Omit<StandIn, "artifactsOf">): Promise<void> {
    const { folder, durable } = this.#options;
    const entry = this.#entry(place, digest);
    const making = join(dirname(entry), `.tmp-${randomBytes(6).toString("hex")}`);
    try {
      await makeFolder(making, durable);
      if (!this.#isApart) {
        await this.#write(making, { ...standIn, artifactsOf: standIn.runId });
      } else {
        const from = artifactsFolder(folder, standIn.runId);
        const expiresAt = readSealIn(from)?.expiresAt;
        await shareArtifacts(from, entryArtifacts(making), { durable, expiresAt });
        await this.#write(making, standIn);
      }
      rmSync(entry, { recursive: true, force: true });
      renameSync(making, entry);
      if (durable) await syncFolder(dirname(entry));
      forgetOldest(dirname(entry));
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      throw diskError(error, "what later runs may stand on");
    }
  }

  /** Gives the run the artifacts of what stands for it. How many; throws `artifacts_invalid` when they are gone. */
  async serve(
    place: StagePlace,
    digest: string,
    to: { readonly runId: string; readonly expiresAt?: string | undefined },
  ): Promise<number> {
    const { folder, durable } = this.#options;
    const entry = this.#entry(place, digest);
    const found = readStandIn(entry);
    if (found === undefined)
      throw new RunnerError(
        "artifacts_invalid",
        "the earlier success that was to stand for the run is forgotten",
      );
    const target = artifactsFolder(folder, to.runId);
    return shareArtifacts(this.#artifactsOf(entry, found), target, { durable, expiresAt: to.expiresAt });
  }

  /** It stood for a run, which has its verdict. From now on that one's artifacts serve: the newest are there the longest. */
  async used(place: StagePlace, digest: string, runId: string): Promise<void> {
    const entry = this.#entry(place, digest);
    const found = readStandIn(entry);
    if (found === undefined) return;
    try {
      if (this.#isApart) utimesSync(entry, new Date(), new Date());
      else await this.#write(entry, { ...found, artifactsOf: runId });
    } catch (error) {
      throw diskError(error, "what later runs may stand on");
    }
  }

  get #isApart(): boolean {
    return this.#options.lasting !== this.#options.folder;
  }

  #entry(place: StagePlace, digest: string): string {
    if (!/^[0-9a-f]{40}$/.test(digest)) throw new Error("not a digest of ours");
    return join(standInsOf(this.#options.lasting, place), digest);
  }

  #artifactsOf(entry: string, { artifactsOf }: StandIn): string {
    return artifactsOf === undefined
      ? entryArtifacts(entry)
      : artifactsFolder(this.#options.folder, artifactsOf);
  }

  async #write(entry: string, standIn: StandIn): Promise<void> {
    await writeAtomic(entryFile(entry), standInText(standIn), { durable: this.#options.durable });
  }
}

/** Made at its first use. With another one nothing of before is found again. */
async function readKey(path: string, durable: boolean): Promise<Buffer> {
  try {
    const found = keyIn(path);
    if (found !== undefined) return found;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await writeAtomic(path, `${randomBytes(32).toString("hex")}\n`, { durable });
    // Read again: of two processes that make it at the same time, the second one's counts.
    return keyIn(path) ?? randomBytes(32);
  } catch (error) {
    throw diskError(error, "the key of what later runs may stand on");
  }
}

function keyIn(path: string): Buffer | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, "hex") : undefined;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Last used first. What a crash left half made counts as well, and goes when its time comes. */
function entriesByAge(stage: string): readonly string[] {
  const entries = namesIn(stage).map((name) => join(stage, name));
  return entries
    .map((entry) => ({ entry, used: statSync(entry, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .toSorted((one, other) => other.used - one.used)
    .map(({ entry }) => entry);
}

function forgetOldest(stage: string): void {
  for (const entry of entriesByAge(stage).slice(mostOfStage)) rmSync(entry, { recursive: true, force: true });
}
