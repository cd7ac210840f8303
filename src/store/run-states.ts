import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { RecordedEvent, RunEvent, RunRequest } from "../events/event.ts";
import { isFinal, reduceRun, type RunState } from "../events/run-state.ts";
import type { StagePlan } from "../plan/plan.ts";
import { type Clock, timestamp } from "../shared/clock.ts";
import { messageOf, RunnerError } from "../shared/errors.ts";
import { makeFolder, syncFile, syncFolder, writeAtomic } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import type { IndexFile } from "./index-file.ts";
import type { HeldSecretsStore } from "./held-secrets.ts";
import { appendEvent, foldJournal, readJournal, readRun } from "./journal.ts";
import { eventsFile, isRunId, logFile, runFolder, stateFile } from "./layout.ts";
import type { SecretValues } from "./secrets.ts";
import type { RunIndex } from "./run-index.ts";
import { type RunSummary, summaryOf } from "./summary.ts";

export interface RunStatesOptions {
  readonly folder: string;
  readonly durable: boolean;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
  readonly index: RunIndex;
  readonly indexFile: IndexFile;
  readonly held: HeldSecretsStore;
  /** After an event is on disk. */
  readonly changed: (state: RunState) => void;
}

/** A run that isn't final: kept in memory, its events recorded one after the other. */
interface LiveRun {
  state: RunState | undefined;
  size: number;
  /** Settles when all that was begun on this run is done. Never rejects. */
  turn: Promise<unknown>;
}

/** The states of all runs: those that aren't final in memory, the others on disk. */
export class RunStates {
  readonly #options: RunStatesOptions;
  readonly #live = new Map<string, LiveRun>();

  constructor(options: RunStatesOptions) {
    this.#options = options;
  }

  /** Reads the runs that the index has as unfinished: only those, however many lie in the past. */
  readUnfinished(): void {
    for (const summary of this.#options.index.unfinished()) this.#readUnfinishedRun(summary);
    this.#options.held.sweep(new Set(this.#live.keys()));
  }

  #readUnfinishedRun({ runId, status }: RunSummary): void {
    const { folder, index, warn } = this.#options;
    const journal = readJournal(folder, runId);
    if (journal.damaged > 0)
      warn(`run ${runId}: ${journal.damaged} damaged lines in its journal are left out`);
    const state = readRun(folder, runId) ?? foldJournal(journal);
    if (state === undefined) {
      // Without a folder it was never acknowledged: the crash came before that.
      if (existsSync(runFolder(folder, runId)))
        warn(`run ${runId} is left out: its journal is lost or damaged`);
      index.drop(runId);
      return;
    }
    if (!isFinal(state.status)) this.#live.set(runId, { state, size: journal.size, turn: Promise.resolve() });
    if (state.status !== status) this.#noteSummary(state);
  }

  /** Once it resolves, the run survives a loss of power. A failed one leaves nothing. */
  async accept(
    runId: string,
    request: RunRequest,
    plan: StagePlan,
    secrets: SecretValues = {},
  ): Promise<RunState> {
    const { clock, index } = this.#options;
    if (!isRunId(runId)) throw new Error("the id of a run must be a UUIDv7 in lower case");
    if (index.has(runId)) throw new RunnerError("conflict", `the run ${runId} exists already`);
    const time = timestamp(clock.now());
    const event: RecordedEvent = { seq: 1, time, runId, type: "accepted", request, plan };
    const state = reduceRun(undefined, event);
    // In memory first, so that a second request with the same key finds this run at once.
    index.put(summaryOf(state));
    const run: LiveRun = { state: undefined, size: 0, turn: Promise.resolve() };
    this.#live.set(runId, run);
    return this.#inTurn(run, async () => {
      try {
        if (Object.keys(secrets).length > 0) await this.#options.held.hold(runId, secrets);
        await this.#writeAccepted(run, state, event);
      } catch (error) {
        this.#forget(runId);
        throw diskError(error, "the run");
      }
      run.state = state;
      await this.#writeDocument(state);
      this.#options.changed(state);
      return state;
    });
  }

  /**
   * The line in the index comes first: a crash after it leaves an index entry without a run, which is dropped at the
   * next start. The other way round a run that nobody was told of could come to life when the index is rebuilt.
   */
  async #writeAccepted(run: LiveRun, state: RunState, event: RecordedEvent): Promise<void> {
    const { folder, durable, indexFile } = this.#options;
    const path = eventsFile(folder, state.runId);
    indexFile.append(summaryOf(state));
    if (durable) await indexFile.sync();
    await makeFolder(dirname(path), durable);
    run.size = await appendEvent(path, event, { size: 0, durable });
    if (durable) await syncFolder(dirname(path));
  }

  #forget(runId: string): void {
    const { folder, index, warn, held } = this.#options;
    this.#live.delete(runId);
    index.drop(runId);
    try {
      held.remove(runId);
      rmSync(runFolder(folder, runId), { recursive: true, force: true });
    } catch (error) {
      warn(`what was written of run ${runId} can't be removed: ${messageOf(error)}`);
    }
  }

  /** A final run is returned as it is, and nothing is written. */
  async record(runId: string, event: RunEvent): Promise<RunState> {
    const run = this.#live.get(runId);
    if (run === undefined) return this.#finalRun(runId);
    return this.#inTurn(run, async () => {
      if (run.state === undefined) throw notFound(runId);
      if (isFinal(run.state.status)) return run.state;
      return this.#append(run, run.state, event);
    });
  }

  async #append(run: LiveRun, before: RunState, event: RunEvent): Promise<RunState> {
    const { folder, durable, clock } = this.#options;
    const { runId } = before;
    const time = timestamp(clock.now());
    const recorded: RecordedEvent = { seq: before.lastSeq + 1, time, runId, ...event };
    // The verdict speaks of the log's lines, so they must be as safe as the verdict.
    if (durable && event.type === "finished") await this.#syncLog(runId);
    const path = eventsFile(folder, runId);
    run.size = await appendEvent(path, recorded, { size: run.size, durable });
    const state = reduceRun(before, recorded);
    run.state = state;
    if (state.status !== before.status) this.#noteSummary(state);
    if (isFinal(state.status)) {
      await this.#writeDocument(state);
      this.#live.delete(runId);
      this.#forgetSecrets(runId);
    }
    this.#options.changed(state);
    return state;
  }

  /** What can't be removed now goes at the next start. */
  #forgetSecrets(runId: string): void {
    try {
      this.#options.held.remove(runId);
    } catch (error) {
      this.#options.warn(`the secrets of run ${runId} can't be removed: ${messageOf(error)}`);
    }
  }

  async #syncLog(runId: string): Promise<void> {
    try {
      await syncFile(logFile(this.#options.folder, runId));
    } catch (error) {
      throw diskError(error, "the run's log");
    }
  }

  async load(runId: string): Promise<RunState | undefined> {
    const run = this.#live.get(runId);
    if (run === undefined)
      return this.#options.index.has(runId) ? readRun(this.#options.folder, runId) : undefined;
    if (run.state === undefined) await run.turn;
    return run.state;
  }

  async unfinished(): Promise<readonly RunState[]> {
    await Promise.all([...this.#live.values()].map((run) => run.turn));
    const ids = this.#options.index.unfinished().map((summary) => summary.runId);
    return ids.map((runId) => this.#live.get(runId)?.state).filter((state) => state !== undefined);
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await Promise.all([...this.#live.values()].map((run) => run.turn));
  }

  async #finalRun(runId: string): Promise<RunState> {
    const state = await this.load(runId);
    if (state === undefined) throw notFound(runId);
    return state;
  }

  /** The index and run.json follow from the events: when they can't be written now, the next start makes up for it. */
  #noteSummary(state: RunState): void {
    const { index, indexFile, warn } = this.#options;
    index.put(summaryOf(state));
    try {
      indexFile.append(summaryOf(state));
    } catch (error) {
      warn(`run ${state.runId}: ${messageOf(error)}`);
    }
  }

  async #writeDocument(state: RunState): Promise<void> {
    const { folder, durable, warn } = this.#options;
    const final = isFinal(state.status);
    try {
      const text = `${JSON.stringify(state, null, 2)}\n`;
      await writeAtomic(stateFile(folder, state.runId), text, { durable: durable && final });
    } catch (error) {
      warn(`run ${state.runId}: ${diskError(error, "run.json").message}`);
    }
  }

  #inTurn<T>(run: LiveRun, work: () => Promise<T>): Promise<T> {
    const result = run.turn.then(work);
    run.turn = result.catch(() => {});
    return result;
  }
}

function notFound(runId: string): RunnerError {
  return new RunnerError("not_found", `there is no run ${JSON.stringify(runId.slice(0, 64))}`);
}
