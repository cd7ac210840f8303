import { RunnerError, messageOf } from "../shared/errors.ts";
import type { RunRequest } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import type { StageHandle } from "../engine/engine.ts";
import type { StagePlan } from "../plan/plan.ts";
import type { RunnerOptions } from "./context.ts";
import { Execution } from "./execution.ts";
import { readinessOf } from "./needs.ts";
import { passOver, withdraw } from "./verdicts.ts";
import { recoverRun } from "./recover.ts";

const engineRetryMs = 2000;

/**
 * Takes runs, lets so many go side by side in the order of their acceptance, ends them, and picks up at `start` what an
 * earlier process left. The facade for api and cli.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #waiting = new Map<string, RunState>();
  readonly #running = new Map<string, Execution>();
  readonly #cleaning = new Set<Promise<void>>();
  readonly #accepting = new Map<string, Promise<RunState>>();
  #scheduling: Promise<void> = Promise.resolve();
  #stopping = false;
  #engineAway = false;
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** To be called once, before anything else. With an engine out of reach it resolves all the same; runs wait for it. */
  async start(): Promise<void> {
    const { store } = this.#options;
    const unfinished = await store.unfinished();
    for (const state of unfinished.filter(({ status }) => status === "PENDING"))
      this.#waiting.set(state.runId, state);
    for (const state of unfinished.filter(({ status }) => status === "RUNNING")) void this.#recover(state);
    await this.#sweep(new Set(unfinished.map(({ runId }) => runId)));
    this.#schedule();
  }

  /** The run is on disk when this resolves. The same Idempotency-Key gives the same run, also at the same moment. */
  async submit(request: RunRequest, plan: StagePlan): Promise<RunState> {
    const { idempotencyKey: key, fingerprint } = request;
    if (key === undefined) return this.#accept(request, plan);
    const known = (await this.repeated(key, fingerprint)) ?? this.#accepting.get(key);
    if (known !== undefined) return mustBeSame(await known, fingerprint);
    const accepted = this.#accept(request, plan).finally(() => this.#accepting.delete(key));
    this.#accepting.set(key, accepted);
    return accepted;
  }

  /** The run that this key led to before. Throws `conflict` when that was for another trigger. */
  async repeated(key: string, fingerprint: string | undefined): Promise<RunState | undefined> {
    const runId = this.#options.store.runWithIdempotencyKey(key);
    const run = runId === undefined ? undefined : await this.#options.store.load(runId);
    return run === undefined ? undefined : mustBeSame(run, fingerprint);
  }

  /** The answer is the run as it is then; its verdict may come later. A run that is final stays as it is. */
  async cancel(runId: string, by: string): Promise<RunState> {
    const { store } = this.#options;
    const state = await store.load(runId);
    if (state === undefined) throw new RunnerError("not_found", "no such run");
    if (state.verdict !== null) return state;
    const requested = await store.record(runId, { type: "cancel_requested", by });
    const waited = this.#waiting.delete(runId);
    this.#running.get(runId)?.cancel();
    if (!waited) return requested;
    const withdrawn = await withdraw(requested, this.#options);
    this.#schedule();
    return withdrawn;
  }

  /** Takes no more and leaves what runs running, for the next process to adopt. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#scheduling;
    for (const execution of this.#running.values()) execution.leave();
    await Promise.all([...this.#running.values()].map(({ settled }) => settled));
    this.#options.engine.settle();
    await Promise.all(this.#cleaning);
  }

  /** Takes no more, from now on. */
  refuse(): void {
    this.#stopping = true;
  }

  /** Resolves when nothing waits, runs, or is being cleaned up. */
  async idle(): Promise<void> {
    await this.#scheduling;
    if (this.#waiting.size > 0 || this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    this.#options.engine.settle();
    await Promise.all(this.#cleaning);
  }

  get counts(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#waiting.size, running: this.#running.size };
  }

  async #accept(request: RunRequest, plan: StagePlan): Promise<RunState> {
    const { store, settings } = this.#options;
    if (this.#stopping)
      throw new RunnerError("shutting_down", "the runner shuts down; try again in a moment");
    if (this.#waiting.size >= settings().queueLimit) {
      throw new RunnerError("queue_full", `${String(this.#waiting.size)} runs wait already; try again later`);
    }
    const runId = Bun.randomUUIDv7();
    const state = await store.accept(runId, request, plan);
    this.#waiting.set(runId, state);
    this.#schedule();
    return state;
  }

  /** One pass at a time over what waits; every change of what waits or runs asks for another. */
  #schedule(): void {
    this.#scheduling = this.#scheduling
      .then(() => this.#fillSlots())
      .catch((error: unknown) => this.#options.log.error("scheduling failed", { error: messageOf(error) }))
      .then(() => this.#tellIdle());
  }

  async #fillSlots(): Promise<void> {
    const { store, settings } = this.#options;
    for (const state of Array.from(this.#waiting.values())) {
      if (this.#stopping || this.#running.size >= settings().concurrency) return;
      const readiness = await readinessOf(state, store);
      if (readiness.kind === "wait" || !this.#waiting.has(state.runId)) continue;
      if (readiness.kind === "run" && !(await this.#engineAnswers())) return;
      if (!this.#waiting.delete(state.runId)) continue;
      if (readiness.kind === "run") this.#execute(state, undefined);
      else await passOver(state, readiness.reason, this.#options).then(() => this.#schedule());
    }
  }

  #execute(state: RunState, adopt: StageHandle | undefined): void {
    const { runId } = state;
    const execution = new Execution(state, adopt, this.#options);
    this.#running.set(runId, execution);
    if (state.cancelRequestedBy !== null) execution.cancel();
    const cleaned = execution.cleaned.finally(() => this.#cleaning.delete(cleaned));
    this.#cleaning.add(cleaned);
    const settled = (): void => {
      this.#running.delete(runId);
      this.#schedule();
    };
    execution.settled.then(settled, (error: unknown) => {
      this.#options.log.error("the verdict of a run couldn't be stored", {
        run: runId,
        error: messageOf(error),
      });
      settled();
    });
  }

  async #recover(state: RunState): Promise<void> {
    try {
      const found = await recoverRun(state, this.#options);
      if (found.kind === "adopt") this.#execute(state, found.handle);
      if (found.kind === "begin") this.#execute(state, undefined);
      if (found.kind === "over") this.#schedule();
    } catch (error) {
      this.#options.log.error("a run couldn't be recovered", { run: state.runId, error: messageOf(error) });
    }
  }

  async #sweep(live: ReadonlySet<string>): Promise<void> {
    const { engine, log } = this.#options;
    try {
      const removed = await engine.sweep(live);
      for (const run of removed) log.info("removed what a run had left in the engine", { run });
    } catch (error) {
      log.warn("couldn't look for leftovers in the engine", { error: messageOf(error) });
    }
  }

  /** While the engine is away, runs wait: they'd only fail. */
  async #engineAnswers(): Promise<boolean> {
    const { engine, log } = this.#options;
    try {
      await engine.ping(AbortSignal.timeout(engineRetryMs));
      if (this.#engineAway) log.info("the engine answers again");
      this.#engineAway = false;
      return true;
    } catch (error) {
      if (!this.#engineAway) log.warn("runs wait for the engine", { error: messageOf(error) });
      this.#engineAway = true;
      setTimeout(() => this.#schedule(), engineRetryMs).unref();
      return false;
    }
  }

  #tellIdle(): void {
    if (this.#waiting.size > 0 || this.#running.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function mustBeSame(run: RunState, fingerprint: string | undefined): RunState {
  if (run.request.fingerprint === fingerprint) return run;
  throw new RunnerError("conflict", "this Idempotency-Key was used for another trigger; take a new one");
}
