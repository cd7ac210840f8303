import { RunnerError, messageOf } from "../shared/errors.ts";
import type { RunRequest } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import type { StageHandle } from "../engine/engine.ts";
import type { StagePlan } from "../plan/plan.ts";
import { Acceptance } from "./acceptance.ts";
import type { RunnerOptions } from "./context.ts";
import { sweep } from "./engine-reach.ts";
import { Execution } from "./execution.ts";
import type { Admitted } from "./intake.ts";
import { outcomeOfError } from "./outcome.ts";
import { Queue } from "./queue.ts";
import { recoverRun } from "./recover.ts";
import { giveUp, withdraw } from "./verdicts.ts";
import type { WaitsFor } from "./waits-for.ts";

/**
 * Takes runs, lets so many go side by side in the order of their acceptance, ends them, and picks up at `start` what an
 * earlier process left. The facade for api and cli.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #queue: Queue;
  readonly #acceptance: Acceptance;
  readonly #running = new Map<string, Execution>();
  /** Begun by an earlier process; they hold a slot from the start. */
  readonly #recovering = new Map<string, { canceled: boolean; readonly state: RunState }>();
  /** What `idle` and `stop` wait for beside the runs. None rejects. */
  readonly #finishing = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#queue = new Queue(options, {
      running: () => this.#holders,
      cancel: (runId, by) => this.cancel(runId, by),
      begin: (state) => this.#execute(state, undefined),
      finish: (work) => this.#finish(work),
      passed: () => this.#tellIdle(),
    });
    this.#acceptance = new Acceptance(options, this.#queue);
  }

  /** To be called once, before anything else. With an engine out of reach it resolves all the same; runs wait for it. */
  async start(): Promise<void> {
    const { store } = this.#options;
    const unfinished = await store.unfinished();
    for (const state of unfinished) {
      if (state.status === "PENDING") this.#queue.add(state);
      if (state.status !== "RUNNING") continue;
      this.#recovering.set(state.runId, { canceled: false, state });
      this.#finish(this.#recover(state));
    }
    const live = new Set(unfinished.map(({ runId }) => runId));
    await sweep(live, this.#options);
    this.#queue.schedule();
  }

  /** The run is on disk when this resolves. The same Idempotency-Key gives the same run, also at the same moment. */
  async submit(request: RunRequest, plan: StagePlan): Promise<RunState> {
    const [state] = await this.submitAll([{ request, plan }]);
    if (state === undefined) throw new Error("a trigger led to no run");
    return state;
  }

  /** All of them are on disk, or none; they have one Idempotency-Key in common, or none has one. Throws what `decide` does. */
  async submitAll(wanted: readonly Admitted[]): Promise<readonly RunState[]> {
    return this.#acceptance.submitAll(wanted);
  }

  /** The runs that this key led to before. Throws `conflict` when that was for another trigger. */
  async repeated(key: string, fingerprint: string | undefined): Promise<readonly RunState[] | undefined> {
    return this.#acceptance.repeated(key, fingerprint);
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
    return this.#queue.has(runId) ? this.#queue.end(requested, withdraw) : requested;
  }

  /** undefined: the run doesn't wait. */
  async waitsFor(runId: string): Promise<WaitsFor | undefined> {
    return this.#queue.waitsFor(runId);
  }

  /** Takes no more and leaves what runs running, for the next process to adopt. */
  async stop(): Promise<void> {
    this.#queue.shut();
    this.#stop.abort(new Error("the runner shuts down"));
    await this.#queue.scheduled;
    for (const execution of this.#running.values()) execution.leave();
    await Promise.allSettled([...this.#running.values()].map(({ settled }) => settled));
    this.#options.engine.settle();
    await Promise.all(this.#finishing);
  }

  /** Takes no more and begins no more, from now on; what waits is the next process's. */
  refuse(): void {
    this.#queue.shut();
    this.#queue.schedule();
  }

  /** Resolves when nothing runs or is being cleaned up, nor waits for a slot that it may still get. */
  async idle(): Promise<void> {
    await this.#queue.scheduled;
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#options.engine.settle();
    await Promise.all(this.#finishing);
  }

  get counts(): { readonly waiting: number; readonly running: number } {
    return { waiting: this.#queue.size, running: this.#holders.length };
  }

  get #holders(): readonly RunState[] {
    const [running, recovering] = [[...this.#running.values()], [...this.#recovering.values()]];
    return [...running, ...recovering].map(({ state }) => state);
  }

  #finish(work: Promise<unknown>): void {
    const finished = work.catch(() => {}).finally(() => this.#finishing.delete(finished));
    this.#finishing.add(finished);
  }

  #execute(state: RunState, adopt: StageHandle | undefined): void {
    const { runId } = state;
    const execution = new Execution(state, adopt, this.#options);
    this.#running.set(runId, execution);
    if (state.cancelRequestedBy !== null) execution.cancel();
    this.#finish(execution.cleaned);
    const settled = (): void => {
      this.#running.delete(runId);
      this.#queue.schedule();
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
      this.#queue.schedule();
    }
  }

  get #isIdle(): boolean {
    return this.counts.running === 0 && (this.#queue.size === 0 || this.#queue.isShut);
  }

  #tellIdle(): void {
    if (!this.#isIdle) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
