import { RunnerError, messageOf } from "../shared/errors.ts";
import type { RunRequest } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import type { StageHandle } from "../engine/engine.ts";
import type { StagePlan } from "../plan/plan.ts";
import { defaultRetryMs, type RunnerOptions } from "./context.ts";
import { EngineReach, sweep } from "./engine-reach.ts";
import { Execution } from "./execution.ts";
import { readinessOf } from "./needs.ts";
import { outcomeOfError } from "./outcome.ts";
import { recoverRun } from "./recover.ts";
import { giveUp, passOver, withdraw, type EndOfRun } from "./verdicts.ts";

/**
 * Takes runs, lets so many go side by side in the order of their acceptance, ends them, and picks up at `start` what an
 * earlier process left. The facade for api and cli.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #reach: EngineReach;
  readonly #waiting = new Map<string, RunState>();
  readonly #running = new Map<string, Execution>();
  /** Begun by an earlier process; they hold a slot from the start. */
  readonly #recovering = new Map<string, { canceled: boolean }>();
  /** What `idle` and `stop` wait for beside the runs. None rejects. */
  readonly #finishing = new Set<Promise<unknown>>();
  readonly #accepting = new Map<string, Promise<RunState>>();
  #scheduling: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();
  /** Being accepted. */
  #coming = 0;
  #refusing = false;
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#reach = new EngineReach(options, () => this.#scheduleLater());
  }

  /** To be called once, before anything else. With an engine out of reach it resolves all the same; runs wait for it. */
  async start(): Promise<void> {
    const { store } = this.#options;
    const unfinished = await store.unfinished();
    for (const state of unfinished) {
      if (state.status === "PENDING") this.#waiting.set(state.runId, state);
      if (state.status !== "RUNNING") continue;
      this.#recovering.set(state.runId, { canceled: false });
      this.#finish(this.#recover(state));
    }
    const live = new Set(unfinished.map(({ runId }) => runId));
    await sweep(live, this.#options);
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
    this.#running.get(runId)?.cancel();
    const recovering = this.#recovering.get(runId);
    if (recovering !== undefined) recovering.canceled = true;
    return this.#waiting.has(runId) ? this.#endWaiting(requested, withdraw) : requested;
  }

  /** Takes no more and leaves what runs running, for the next process to adopt. */
  async stop(): Promise<void> {
    this.#refusing = true;
    this.#stop.abort(new Error("the runner shuts down"));
    await this.#scheduling;
    for (const execution of this.#running.values()) execution.leave();
    await Promise.allSettled([...this.#running.values()].map(({ settled }) => settled));
    this.#options.engine.settle();
    await Promise.all(this.#finishing);
  }

  /** Takes no more and begins no more, from now on; what waits is the next process's. */
  refuse(): void {
    this.#refusing = true;
    this.#schedule();
  }

  /** Resolves when nothing runs or is being cleaned up, nor waits for a slot that it may still get. */
  async idle(): Promise<void> {
    await this.#scheduling;
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#options.engine.settle();
    await Promise.all(this.#finishing);
  }

  get counts(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#waiting.size, running: this.#running.size + this.#recovering.size };
  }

  async #accept(request: RunRequest, plan: StagePlan): Promise<RunState> {
    const { store, settings } = this.#options;
    if (this.#refusing)
      throw new RunnerError("shutting_down", "the runner shuts down; try again in a moment");
    const waiting = this.#waiting.size + this.#coming;
    if (waiting >= settings().queueLimit) {
      throw new RunnerError("queue_full", `${String(waiting)} runs wait already; try again later`);
    }
    const runId = Bun.randomUUIDv7();
    this.#coming += 1;
    const state = await store.accept(runId, request, plan).finally(() => {
      this.#coming -= 1;
    });
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
    await this.#withdrawCanceled();
    for (const state of Array.from(this.#waiting.values())) {
      if (this.#refusing || this.counts.running >= this.#options.settings().concurrency) return;
      if ((await this.#takeUp(state)) === "engine away") return;
    }
  }

  async #takeUp(state: RunState): Promise<"done" | "engine away"> {
    const waits = (): boolean => this.#waiting.has(state.runId);
    const readiness = await readinessOf(state, this.#options.store);
    if (readiness.kind === "wait" || !waits()) return "done";
    if (readiness.kind === "pass") {
      await this.#endWaiting(state, passOver(readiness.reason)).catch(() => {});
      return "done";
    }
    if (!(await this.#reach.answers())) return "engine away";
    // It may have been canceled meanwhile.
    if (this.#waiting.delete(state.runId)) this.#execute(state, undefined);
    return "done";
  }

  /** Those whose cancel is on record but not their end: a crash or a full disk came between. */
  async #withdrawCanceled(): Promise<void> {
    for (const state of Array.from(this.#waiting.values())) {
      if (state.cancelRequestedBy !== null) await this.#endWaiting(state, withdraw).catch(() => {});
    }
  }

  /** Ends a run that had no slot. When its end can't be stored it goes on waiting, and it's tried again. */
  async #endWaiting(state: RunState, end: EndOfRun): Promise<RunState> {
    this.#waiting.delete(state.runId);
    const ending = end(state, this.#options);
    this.#finish(ending);
    try {
      const ended = await ending;
      this.#schedule();
      return ended;
    } catch (error) {
      const facts = { run: state.runId, error: messageOf(error) };
      this.#options.log.warn("the end of a run that waits couldn't be stored", facts);
      this.#waiting.set(state.runId, state);
      this.#scheduleLater();
      throw error;
    }
  }

  #finish(work: Promise<unknown>): void {
    const finished = work.catch(() => {}).finally(() => this.#finishing.delete(finished));
    this.#finishing.add(finished);
  }

  #scheduleLater(): void {
    setTimeout(() => this.#schedule(), this.#options.retryMs ?? defaultRetryMs).unref();
  }

  #execute(state: RunState, adopt: StageHandle | undefined): void {
    const { runId } = state;
    const execution = new Execution(state, adopt, this.#options);
    this.#running.set(runId, execution);
    if (state.cancelRequestedBy !== null) execution.cancel();
    this.#finish(execution.cleaned);
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
    const { runId } = state;
    const { signal } = this.#stop;
    try {
      const found = await recoverRun(state, this.#options, signal);
      if (signal.aborted || found.kind === "over") return;
      this.#execute(found.state, found.kind === "adopt" ? found.handle : undefined);
      if (this.#recovering.get(runId)?.canceled === true) this.#running.get(runId)?.cancel();
    } catch (error) {
      if (signal.aborted) return;
      this.#options.log.error("a run couldn't be recovered", { run: runId, error: messageOf(error) });
      await giveUp(state, outcomeOfError(error).reason, this.#options).catch((failure: unknown) => {
        this.#options.log.error("nor could its end be stored", { run: runId, error: messageOf(failure) });
      });
    } finally {
      this.#recovering.delete(runId);
      this.#schedule();
    }
  }

  get #isIdle(): boolean {
    return this.counts.running === 0 && (this.#waiting.size === 0 || this.#refusing);
  }

  #tellIdle(): void {
    if (!this.#isIdle) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function mustBeSame(run: RunState, fingerprint: string | undefined): RunState {
  if (run.request.fingerprint === fingerprint) return run;
  throw new RunnerError("conflict", "this Idempotency-Key was used for another trigger; take a new one");
}
