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
import { launch } from "./launch.ts";
import { namedSteps, isExpected, outcomeOfError, outcomeOfExit, outcomeOfInterruption } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

/**
 * One run, from the moment it has a slot until its verdict is on disk. `settled` resolves then (or when the run was left
 * to the next process), `cleaned` when nothing of it is left either.
 */
export class Execution {
  readonly settled: Promise<void>;
  readonly cleaned: Promise<void>;
  readonly #interruption = new Interruption();
  readonly #leave = new AbortController();
  readonly #options: RunnerOptions;
  #state: RunState;

  /** `adopt`: its container was started by an earlier process of the runner. */
  constructor(state: RunState, adopt: StageHandle | undefined, options: RunnerOptions) {
    this.#state = state;
    this.#options = options;
    const handle = this.#carryOut(adopt);
    this.settled = handle.then(() => {});
    this.cleaned = handle.then((result) =>
      result === "left" ? undefined : cleanUp(this.#state, result, options),
    );
    this.cleaned.catch(() => {});
  }

  cancel(): void {
    this.#interruption.interrupt("canceled");
  }

  /** Lets the stage run on without us. */
  leave(): void {
    this.#leave.abort(new Error("the runner shuts down"));
  }

  async #carryOut(adopt: StageHandle | undefined): Promise<StageHandle | undefined | "left"> {
    const { store, clock } = this.#options;
    const { runId, plan } = this.#state;
    if (adopt === undefined) {
      const deadline = this.#state.deadline ?? timestamp(clock.now() + plan.timeoutSeconds * 1000);
      const attempt = Math.max(1, this.#state.attempts);
      this.#state = await store.record(runId, { type: "started", attempt, deadline });
    }
    const log = await store.openLog(runId);
    this.#interruption.interruptAt(this.#state.deadline ?? timestamp(clock.now()), clock);
    let exit: Exit | undefined;
    let outcome: Outcome;
    try {
      if (adopt === undefined) this.#state = await launch(this.#state, log, this.#options, this.#either());
      exit = await this.#follow(handleOf(this.#state), log);
      outcome = outcomeOfExit(exit, plan);
    } catch (error) {
      if (this.#leave.signal.aborted) return this.#left(log);
      outcome = this.#outcomeOfError(error);
    }
    if (this.#interruption.kind !== undefined) {
      outcome = outcomeOfInterruption(this.#interruption.kind, plan, exit);
    }
    this.#interruption.clear();
    await this.#conclude(log, outcome, exit);
    return this.#state.handle ?? undefined;
  }

  /** Output to the log until the commands have ended. An interruption ends the commands, not the following. */
  async #follow(handle: StageHandle, log: RunLog): Promise<Exit> {
    const { engine, settings, log: operator } = this.#options;
    const { signal } = this.#interruption;
    const stop = (): void => {
      engine.stop(handle, settings().graceMs).catch((error: unknown) => {
        operator.warn("couldn't stop a stage", { run: handle.runId, error: messageOf(error) });
      });
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    const storing = new AbortController();
    const output = engine.follow(handle, log.cursor, AbortSignal.any([this.#leave.signal, storing.signal]));
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
    }
  }

  async #conclude(log: RunLog, outcome: Outcome, exit: Exit | undefined): Promise<void> {
    const { store, clock } = this.#options;
    const { runId, plan, createdAt, startedAt } = this.#state;
    const kept = await keepArtifacts(this.#state, outcome, log, this.#options);
    const queueSeconds = secondsBetween(createdAt, startedAt ?? createdAt);
    const runSeconds = secondsBetween(startedAt ?? createdAt, timestamp(clock.now()));
    this.#state = await store.record(runId, {
      type: "finished",
      ...kept.outcome,
      steps: namedSteps(exit, plan),
      usage: { queueSeconds, pullSeconds: this.#state.pullSeconds ?? undefined, runSeconds, ...exit?.usage },
      log: log.finish(),
      artifacts: kept.count,
    });
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

  #left(log: RunLog): "left" {
    this.#interruption.clear();
    log.close();
    return "left";
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
