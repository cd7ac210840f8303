import { readdir, rm } from "node:fs/promises";
import type { ServiceLog } from "../engine/services.ts";
import type { RecordedEvent, RunEvent, RunRequest } from "../events/event.ts";
import { isFinal, type RunState } from "../events/run-state.ts";
import type { StagePlan } from "../plan/plan.ts";
import type { Clock } from "../shared/clock.ts";
import { RunnerError } from "../shared/errors.ts";
import type { Artifact } from "./artifact.ts";
import type { Collected, WantedArtifacts } from "./artifacts.ts";
import { makeFolder } from "./atomic.ts";
import { Cache } from "./cache/cache.ts";
import type { CacheFilter, Cleared } from "./cache/reset.ts";
import { diskError } from "./disk-error.ts";
import { forgetBoth } from "./forget-stand-ins.ts";
import { IndexFile } from "./index-file.ts";
import { readJournal } from "./journal.ts";
import { isRunId, runsFolder, workFolder, workFolders } from "./layout.ts";
import type { ReadLogOptions } from "./log-reader.ts";
import { type ArtifactFile, RunArtifacts } from "./run-artifacts.ts";
import { RunIndex } from "./run-index.ts";
import { Listeners } from "./listeners.ts";
import type { RunLog } from "./run-log.ts";
import { RunLogs } from "./run-logs.ts";
import { RunStates } from "./run-states.ts";
import { Secrets, type SecretValues } from "./secrets.ts";
import {
  keptServiceLog,
  readServices,
  type ServiceRecord,
  writeServiceLog,
  writeServices,
} from "./services.ts";
import { StandIns } from "./stand-ins.ts";
import type { RunSummary } from "./summary.ts";

export interface StoreOptions {
  readonly folder: string;
  /** False where nobody will look after a loss of power (`exec`): nothing is fsynced. */
  readonly durable: boolean;
  readonly clock: Clock;
  /** For what outlives `folder`, where that goes with its runs (`exec`): caches, and what later ones may stand on. */
  readonly lasting?: string;
  /** What was left out or made anew because it was damaged. */
  readonly warn?: (message: string) => void;
}

/**
 * Everything in the state folder. One store a folder (`lockFolder`); a run that isn't final has its state in memory, all others
 * are read when asked for. Any string is safe as an id. Throws `disk_full` and `state_unwritable`; what was refused so left nothing behind.
 */
export class Store {
  readonly cache: Cache;
  readonly #options: StoreOptions;
  readonly #index: RunIndex;
  readonly #indexFile: IndexFile;
  readonly #states: RunStates;
  readonly #logs: RunLogs;
  readonly #listeners: Listeners;
  readonly runArtifacts: RunArtifacts;
  readonly secrets: Secrets;
  /** Successes that later runs may stand on. */
  readonly standIns: StandIns;

  private constructor(options: StoreOptions, index: RunIndex, indexFile: IndexFile) {
    const { folder, clock, durable, lasting = folder, warn = () => {} } = options;
    this.#options = options;
    this.cache = new Cache({ folder: lasting, runsFolder: folder, durable, clock });
    this.#index = index;
    this.#indexFile = indexFile;
    const isFinalRun = (runId: string): boolean | undefined => index.isFinal(runId);
    this.runArtifacts = new RunArtifacts({ folder, durable, clock, isFinal: isFinalRun });
    this.standIns = new StandIns({ folder, lasting, durable, clock });
    this.#logs = new RunLogs({ folder, clock, warn, isFinal: isFinalRun });
    this.#listeners = new Listeners(warn);
    this.secrets = new Secrets(folder, durable);
    const { held } = this.secrets;
    const changed = (state: RunState): void => {
      if (isFinal(state.status)) void this.#logs.end(state.runId);
      this.#listeners.tell(state);
    };
    this.#states = new RunStates({ folder, durable, clock, warn, index, indexFile, held, changed });
  }

  /** Makes the folders and reads the index, made anew when it is lost or damaged; of the runs, only those that aren't final are read. */
  static async open(options: StoreOptions): Promise<Store> {
    const { folder, durable, warn = () => {} } = options;
    try {
      await makeFolder(runsFolder(folder), durable);
      const { file, summaries } = await IndexFile.open({ folder, durable, warn });
      const index = new RunIndex();
      for (const summary of summaries) index.put(summary);
      const store = new Store(options, index, file);
      store.#states.readUnfinished();
      return store;
    } catch (error) {
      throw diskError(error, `the state folder ${folder}`);
    }
  }

  /** On disk, and safe there, when it resolves. `runId`: a UUIDv7. Its secrets are held until it's final. */
  accept(runId: string, request: RunRequest, plan: StagePlan, secrets?: SecretValues): Promise<RunState> {
    return this.#states.accept(runId, request, plan, secrets);
  }

  /** Records what happened, one event of a run after the other. To a final run nothing more happens: it's returned as it is. */
  record(runId: string, event: RunEvent): Promise<RunState> {
    return this.#states.record(runId, event);
  }

  load(runId: string): Promise<RunState | undefined> {
    return this.#states.load(runId);
  }

  /** Empty for a run that isn't there. */
  async events(runId: string): Promise<readonly RecordedEvent[]> {
    return this.#index.has(runId) ? readJournal(this.#options.folder, runId).events : [];
  }

  newestRunOf(stageId: string, pipelineId?: string): string | undefined {
    return this.#index.newestOf(stageId, pipelineId);
  }

  /** Of a matrix: the newest run of each combination, in this pipeline or the newest that has any. */
  newestCombinationsOf(matrixId: string, pipelineId?: string): readonly string[] {
    return this.#index.newestCombinationsOf(matrixId, pipelineId);
  }

  runWithIdempotencyKey(key: string): string | undefined {
    return this.#index.withKey(key);
  }

  /** In order of acceptance. */
  unfinished(): Promise<readonly RunState[]> {
    return this.#states.unfinished();
  }

  /** Newest first. */
  runs(): readonly RunSummary[] {
    return this.#index.all().toReversed();
  }

  /** Calls after every event, once it's on disk. Returns what ends it. */
  onChange(listener: (state: RunState) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** The one writer of a run's log; while it's open, the same again. */
  openLog(runId: string): Promise<RunLog> {
    return this.#logs.open(runId);
  }

  /** Whole lines as stored, about 256 KiB a piece, not to be written to. Ends with the log, or quietly when `signal` aborts. `not_found` */
  readLog(runId: string, options: ReadLogOptions, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#logs.read(runId, options, signal);
  }

  /** May be called again and begins anew then. `artifacts_invalid`, `disk_full`, `state_unwritable` */
  async collectArtifacts(
    runId: string,
    workspace: string,
    plan: WantedArtifacts,
    signal: AbortSignal,
  ): Promise<Collected> {
    this.#mustKnow(runId);
    return this.runArtifacts.collect(runId, workspace, plan, signal);
  }

  /** How many were put there. `artifacts_invalid` when a link or file stands in the way. */
  async placeArtifacts(fromRunId: string, workspace: string): Promise<number> {
    this.#mustKnow(fromRunId);
    return this.runArtifacts.place(fromRunId, workspace);
  }

  /** What is sealed, and hasn't expired; empty for a run that isn't there. */
  async artifacts(runId: string): Promise<readonly Artifact[]> {
    return this.runArtifacts.list(runId).artifacts;
  }

  async artifactFile(runId: string, artifactId: string): Promise<ArtifactFile | undefined> {
    return this.runArtifacts.file(runId, artifactId);
  }

  /** Made if it isn't there; closed to others. */
  async workFolder(runId: string): Promise<string> {
    const path = workFolder(this.#options.folder, runId);
    try {
      await makeFolder(path, false);
    } catch (error) {
      throw diskError(error, "the run's work folder");
    }
    return path;
  }

  /** Throws the system's error when the stage left files that this process may not delete. */
  async removeWork(runId: string): Promise<void> {
    await rm(workFolder(this.#options.folder, runId), { recursive: true, force: true });
  }

  /** Runs that have a work folder. Of runs that are over, only a crash leaves one. */
  async runsWithWork(): Promise<readonly string[]> {
    const names = await readdir(workFolders(this.#options.folder)).catch(() => []);
    return names.filter(isRunId);
  }

  /** As they were last recorded; empty for a run without services, and before they are begun. */
  services(runId: string): readonly ServiceRecord[] {
    return this.#index.has(runId) ? readServices(this.#options.folder, runId) : [];
  }

  /** Throws `disk_full`, `state_unwritable`. */
  async recordServices(runId: string, services: readonly ServiceRecord[]): Promise<void> {
    this.#mustKnow(runId);
    await writeServices(this.#options.folder, runId, services);
  }

  /** The log of a service, in place of the one before; of a long one the end. Throws `disk_full`, `state_unwritable`. */
  async keepServiceLog(runId: string, alias: string, log: ServiceLog): Promise<void> {
    this.#mustKnow(runId);
    await writeServiceLog(this.#options.folder, { runId, alias }, log);
  }

  /** Undefined when nothing was kept. */
  serviceLog(runId: string, alias: string): string | undefined {
    return this.#index.has(runId) ? keptServiceLog(this.#options.folder, runId, alias) : undefined;
  }

  /** With the successes that runs would be passed over for, lest a reset leave a stage that never runs again. */
  resetCache(filter: CacheFilter): Promise<Cleared> {
    return forgetBoth(this.cache.reset(filter), this.cache.folder, filter);
  }

  /** Readers end; logs that are open can be reopened by the next process. */
  async close(): Promise<void> {
    await this.#states.settled();
    await this.#logs.close();
    this.#listeners.clear();
    this.#indexFile.close();
  }

  #mustKnow(runId: string): void {
    if (!this.#index.has(runId)) throw new RunnerError("not_found", "there is no such run");
  }
}
