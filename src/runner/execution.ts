import { messageOf } from "../shared/errors.ts";
import { timestamp } from "../shared/clock.ts";
import type { Exit, StageHandle } from "../engine/engine.ts";
import type { RunState } from "../events/run-state.ts";
import type { RunLog } from "../store/run-log.ts";
import { cleanUp } from "./cleanup.ts";
import type { RunnerOptions } from "./context.ts";
import { collectGarbageOf } from "./garbage.ts";
import { Interruption } from "./interruption.ts";
import { keepArtifacts } from "./keep-artifacts.ts";
import { keepServices, watchServices } from "./services/keep-services.ts";
import { launch } from "./launch.ts";
import { maskedLogger, Masking } from "./masks/masking.ts";
import {
  namedSteps,
  isExpected,
  outcomeOfError,
  outcomeOfExit,
  outcomeOfInterruption,
  warningsOf,
} from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import { testsOf } from "./read-reports.ts";
import { saveCaches } from "./caches/save-caches.ts";
import { untilAvailable } from "./retry.ts";
import { awaitsNextTry, beginNextTry, deservesAnotherTry, recordFailedTry } from "./tries.ts";

/**
 * One run, from the moment it has a slot until its verdict is on disk. `settled` resolves then (or when the run was left
 * to the next process), `cleaned` when nothing of it is left either.
 */
export class Execution {
  readonly settled: Promise<void>;
  readonly cleaned: Promise<void>;
  /** Of the try that goes on. */
  #interruption = new Interruption();
  #canceled = false;
  readonly #leave = new AbortController();
  readonly #options: RunnerOptions;
  #state: RunState;
  #log: RunLog | undefined;
  #masking: Masking | undefined;

  /** `adopt`: its container was started by an earlier process of the runner. */
  constructor(state: RunState, adopt: StageHandle | undefined, options: RunnerOptions) {
    this.#state = state;
    this.#options = { ...options, log: maskedLogger(options.log, (text) => this.#log?.masked(text) ?? text) };
    const handle = this.#carryOut(adopt).catch((error: unknown) => this.#leftOr(error));
    this.settled = handle.then(() => {});
    this.cleaned = handle.then((result) =>
      result === "left" ? undefined : cleanUp(this.#state, result, options),
    );
    this.cleaned.catch(() => {});
  }

  get state(): RunState {
    return this.#state;
  }

  cancel(): void {
    this.#canceled = true;
    this.#interruption.interrupt("canceled");
  }

  /** Lets the stage run on without us. */
  leave(): void {
    this.#leave.abort(new Error("the runner shuts down"));
  }

  async #carryOut(adopt: StageHandle | undefined): Promise<StageHandle | undefined | "left"> {
    const log = await this.#begin();
    for (let adopted = adopt; ; adopted = undefined) {
      const { outcome, exit } = await this.#try(log, adopted);
      if ((await this.#conclude(log, outcome, exit)) === "over") return this.#state.handle ?? undefined;
      this.#interruption = new Interruption();
      if (this.#canceled) this.#interruption.interrupt("canceled");
    }
  }

  async #try(log: RunLog, adopt: StageHandle | undefined): Promise<{ outcome: Outcome; exit?: Exit }> {
    const options = this.#options;
    const { plan } = this.#state;
    let exit: Exit | undefined;
    let outcome: Outcome;
    try {
      this.#masking ??= await Masking.begin(this.#state, log, options.store);
      if (awaitsNextTry(this.#state))
        this.#state = await beginNextTry(this.#state, log, options, this.#either());
      this.#interruption.interruptAt(this.#state.deadline ?? timestamp(options.clock.now()), options.clock);
      if (adopt === undefined) this.#state = await launch(this.#state, log, options, this.#either());
      exit = await this.#follow(handleOf(this.#state), log, this.#masking);
      outcome = outcomeOfExit(exit, plan);
    } catch (error) {
      if (this.#leave.signal.aborted) throw error;
      outcome = this.#outcomeOfError(error);
    }
    if (this.#interruption.kind !== undefined) {
      outcome = outcomeOfInterruption(this.#interruption.kind, plan, exit);
    }
    this.#interruption.clear();
    outcome = { ...outcome, reason: log.masked(outcome.reason) };
    return { outcome, ...(exit === undefined ? {} : { exit }) };
  }

  /** Waits for room on the disk if need be: a run that can't be recorded has no verdict either. */
  async #begin(): Promise<RunLog> {
    const { store, clock } = this.#options;
    const { runId, plan, status } = this.#state;
    if (status === "PENDING") {
      const deadline = timestamp(clock.now() + plan.timeoutSeconds * 1000);
      const begun = { type: "started", attempt: 1, deadline } as const;
      this.#state = await this.#stored("the start of a run", () => store.record(runId, begun));
    }
    const log = await this.#stored("the log of a run", () => store.openLog(runId));
    this.#log = log;
    if (status === "PENDING") for (const note of plan.notes ?? []) log.say(note);
    return log;
  }

  /** Output to the log until the commands have ended. An interruption ends the commands, not the following. */
  async #follow(handle: StageHandle, log: RunLog, masking: Masking): Promise<Exit> {
    const { engine, settings, log: operator } = this.#options;
    const { signal } = this.#interruption;
    const stop = (): void => {
      const what = "the end of a run";
      untilAvailable(() => engine.stop(handle, settings().graceMs), { what }, this.#options, following).catch(
        (error: unknown) => {
          if (following.aborted) return;
          operator.warn("couldn't stop a stage", { run: handle.runId, error: messageOf(error) });
        },
      );
    };
    const storing = new AbortController();
    const following = AbortSignal.any([this.#leave.signal, storing.signal]);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    const endWatch = watchServices(this.#state, log, this.#options);
    const output = masking.follow((cursor) => engine.follow(handle, cursor, following), log.cursor);
    try {
      for (;;) {
        const next = await output.next();
        if (next.done === true) return next.value;
        log.append(next.value.lines, next.value.cursor);
        collectGarbageOf(next.value.lines.length);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      storing.abort();
      output.next().catch(() => {}); // lets it close what it has open
      await endWatch();
    }
  }

  /** Artifacts are of the last try only: a failure that another one follows leaves none. */
  async #conclude(log: RunLog, outcome: Outcome, exit: Exit | undefined): Promise<"over" | "again"> {
    if (this.#mayBeShown) await keepServices(this.#state, outcome, log, this.#options);
    if (this.#isToBeTriedAgain(outcome)) return this.#failTry(log, outcome, exit);
    const { store, clock } = this.#options;
    const { runId, plan, createdAt, startedAt } = this.#state;
    for (const warning of warningsOf(exit, outcome, this.#state.plan)) log.say(warning);
    const reports = this.#mayBeShown ? await testsOf(this.#state, log, this.#options) : {};
    const canceled = this.#interruption.signal;
    const kept = await keepArtifacts(this.#state, outcome, log, { ...this.#options, canceled });
    if (this.#isToBeTriedAgain(kept.outcome)) return this.#failTry(log, kept.outcome, exit);
    await this.#saveCaches(log, outcome, kept.outcome);
    const queueSeconds = secondsBetween(createdAt, startedAt ?? createdAt);
    const runSeconds = secondsBetween(startedAt ?? createdAt, timestamp(clock.now()));
    const finished = {
      type: "finished",
      ...kept.outcome,
      reason: log.masked(kept.outcome.reason),
      steps: namedSteps(exit, plan, log),
      usage: { queueSeconds, pullSeconds: this.#state.pullSeconds ?? undefined, runSeconds, ...exit?.usage },
      log: log.finish(),
      artifacts: kept.count,
      ...reports,
    } as const;
    const verdict = (): Promise<RunState> => store.record(runId, finished);
    // What the run itself left may be what fills the disk.
    const relieve = (): Promise<void> => cleanUp(this.#state, undefined, this.#options);
    this.#state = await this.#stored("the verdict of a run", verdict, relieve);
    return "over";
  }

  /** Of a run whose secrets aren't known nothing is. */
  get #mayBeShown(): boolean {
    return this.#masking !== undefined;
  }

  /** By how the script ended. An interruption that it has had already is no reason to save nothing. */
  async #saveCaches(log: RunLog, outcome: Outcome, verdict: Outcome): Promise<void> {
    if (verdict.status === "CANCELED") return;
    const { signal } = this.#interruption;
    const stopping = AbortSignal.any([this.#leave.signal, ...(signal.aborted ? [] : [signal])]);
    await saveCaches(this.#state, outcome, log, { ...this.#options, stopping });
  }

  /** What goes wrong between two tries is no try. */
  #isToBeTriedAgain(outcome: Outcome): boolean {
    return !this.#canceled && !awaitsNextTry(this.#state) && deservesAnotherTry(outcome, this.#state);
  }

  async #failTry(log: RunLog, outcome: Outcome, exit: Exit | undefined): Promise<"again"> {
    const failed = (): Promise<RunState> =>
      recordFailedTry(this.#state, { log, outcome, exit }, this.#options);
    const relieve = (): Promise<void> => cleanUp(this.#state, undefined, this.#options);
    this.#state = await this.#stored("the failed try of a run", failed, relieve);
    return "again";
  }

  #stored<T>(what: string, work: () => Promise<T>, relieve?: () => Promise<void>): Promise<T> {
    const retry = { what, ...(relieve === undefined ? {} : { relieve }) };
    return untilAvailable(work, retry, this.#options, this.#leave.signal);
  }

  #outcomeOfError(error: unknown): Outcome {
    if (!isExpected(error) && this.#interruption.kind === undefined) {
      this.#options.log.error("a run failed in a way that it should not", {
        run: this.#state.runId,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    return outcomeOfError(error);
  }

  #leftOr(error: unknown): "left" {
    this.#interruption.clear();
    this.#log?.close();
    if (this.#leave.signal.aborted) return "left";
    throw error;
  }

  #either(): AbortSignal {
    return AbortSignal.any([this.#interruption.signal, this.#leave.signal]);
  }
}

function handleOf({ runId, handle }: RunState): StageHandle {
  if (handle === null) throw new Error(`run ${runId} was launched without a handle`);
  return handle;
}

function secondsBetween(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1000;
}
