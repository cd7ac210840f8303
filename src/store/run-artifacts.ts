import { rm } from "node:fs/promises";

import { type Clock, timestamp } from "../shared/clock.ts";
import { RunnerError } from "../shared/errors.ts";
import { type Artifact, readSealIn, type SealedArtifact, toArtifact } from "./artifact.ts";
import { placeArtifacts } from "./artifact-place.ts";
import { type Collected, collectArtifacts, type WantedArtifacts } from "./artifacts.ts";
import { diskError } from "./disk-error.ts";
import { dropDue, dueRuns, noteExpiry } from "./expiry.ts";
import { artifactFile, artifactsFolder, isArtifactId } from "./layout.ts";

export interface RunArtifactsOptions {
  readonly folder: string;
  readonly durable: boolean;
  readonly clock: Clock;
  /** undefined: there's no such run. */
  readonly isFinal: (runId: string) => boolean | undefined;
}

export interface ArtifactFile {
  readonly artifact: Artifact;
  readonly file: string;
}

/** What a run left that can still be had. */
export interface Listing {
  /** None once they have expired. */
  readonly artifacts: readonly Artifact[];
  readonly expiresAt: string | null;
  readonly isExpired: boolean;
}

/**
 * The artifacts of all runs. Whether they have expired is said by the clock, from one moment to the next; a sweep only takes
 * the room that they hold. A file that is being read is there until its reader is done.
 */
export class RunArtifacts {
  readonly #options: RunArtifactsOptions;

  constructor(options: RunArtifactsOptions) {
    this.#options = options;
  }

  async collect(
    runId: string,
    workspace: string,
    plan: WantedArtifacts,
    signal: AbortSignal,
  ): Promise<Collected> {
    const { folder, durable } = this.#options;
    const expiresAt = await this.expireIn(runId, plan.expireSeconds);
    return collectArtifacts({ folder, durable, runId, workspace, plan, expiresAt }, signal);
  }

  /** When those of a run will expire that is about to be sealed; the sweep knows of it from now on. */
  async expireIn(runId: string, seconds: number | undefined): Promise<string | undefined> {
    if (seconds === undefined) return undefined;
    const { folder, durable, clock } = this.#options;
    const expiresAt = timestamp(clock.now() + seconds * 1000);
    try {
      await noteExpiry(folder, { runId, expiresAt, durable });
    } catch (error) {
      throw diskError(error, "when the run's artifacts expire");
    }
    return expiresAt;
  }

  /** Empty for a run that isn't there, and before they are sealed. */
  list(runId: string): Listing {
    const seal = this.#options.isFinal(runId) === undefined ? undefined : this.#seal(runId);
    const { artifacts = [], expiresAt = null } = seal ?? {};
    const isExpired = expiresAt !== null && Date.parse(expiresAt) <= this.#options.clock.now();
    return { artifacts: isExpired ? [] : artifacts.map(toArtifact), expiresAt, isExpired };
  }

  /** The same with what only those need who put them in place. */
  sealed(runId: string): readonly SealedArtifact[] {
    return this.list(runId).isExpired ? [] : (this.#seal(runId)?.artifacts ?? []);
  }

  file(runId: string, artifactId: string): ArtifactFile | undefined {
    if (!isArtifactId(artifactId)) return undefined;
    const artifact = this.list(runId).artifacts.find(({ id }) => id === artifactId);
    return artifact && { artifact, file: artifactFile(this.#options.folder, runId, artifactId) };
  }

  async place(fromRunId: string, workspace: string): Promise<number> {
    const { expiresAt, isExpired } = this.list(fromRunId);
    if (isExpired) {
      const why = `expired at ${String(expiresAt)}; run that stage again, or give it a longer "expire_in"`;
      throw new RunnerError("artifacts_invalid", `the artifacts of a needed stage ${why}`);
    }
    return placeArtifacts(this.#options.folder, fromRunId, workspace);
  }

  /** What an earlier process handed to a run, but had no time to record. */
  async takeBack(runId: string): Promise<void> {
    await rm(artifactsFolder(this.#options.folder, runId), { recursive: true, force: true });
  }

  /** Deletes what is due, but nothing of a run that isn't final. The runs it deleted something of. */
  async sweep(): Promise<readonly string[]> {
    const { folder, clock, isFinal } = this.#options;
    const swept: string[] = [];
    for (const due of dueRuns(folder, timestamp(clock.now()))) {
      if (isFinal(due.runId) === false) continue;
      if (await dropDue(folder, due)) swept.push(due.runId);
    }
    return swept;
  }

  #seal(runId: string): ReturnType<typeof readSealIn> {
    return readSealIn(artifactsFolder(this.#options.folder, runId));
  }
}
