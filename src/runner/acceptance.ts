import { RunnerError } from "../shared/errors.ts";
import type { RunRequest } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import type { StagePlan } from "../plan/plan.ts";
import type { RunnerOptions } from "./context.ts";
import type { Queue } from "./queue.ts";

/** Puts triggers on disk and into the queue, each once. */
export class Acceptance {
  readonly #options: RunnerOptions;
  readonly #queue: Queue;
  readonly #accepting = new Map<string, Promise<RunState>>();
  /** Being accepted. */
  #coming = 0;

  constructor(options: RunnerOptions, queue: Queue) {
    this.#options = options;
    this.#queue = queue;
  }

  async submit(request: RunRequest, plan: StagePlan): Promise<RunState> {
    const { idempotencyKey: key, fingerprint } = request;
    if (key === undefined) return this.#accept(request, plan);
    const known = (await this.repeated(key, fingerprint)) ?? this.#accepting.get(key);
    if (known !== undefined) return mustBeSame(await known, fingerprint);
    const accepted = this.#accept(request, plan).finally(() => this.#accepting.delete(key));
    this.#accepting.set(key, accepted);
    return accepted;
  }

  async repeated(key: string, fingerprint: string | undefined): Promise<RunState | undefined> {
    const runId = this.#options.store.runWithIdempotencyKey(key);
    const run = runId === undefined ? undefined : await this.#options.store.load(runId);
    return run === undefined ? undefined : mustBeSame(run, fingerprint);
  }

  async #accept(request: RunRequest, plan: StagePlan): Promise<RunState> {
    const { store, settings } = this.#options;
    if (this.#queue.isShut)
      throw new RunnerError("shutting_down", "the runner shuts down; try again in a moment");
    const waiting = this.#queue.size + this.#coming;
    if (waiting >= settings().queueLimit) {
      throw new RunnerError("queue_full", `${String(waiting)} runs wait already; try again later`);
    }
    const runId = Bun.randomUUIDv7();
    this.#coming += 1;
    const state = await store.accept(runId, request, plan).finally(() => {
      this.#coming -= 1;
    });
    this.#queue.add(state);
    this.#queue.schedule();
    return state;
  }
}

function mustBeSame(run: RunState, fingerprint: string | undefined): RunState {
  if (run.request.fingerprint === fingerprint) return run;
  throw new RunnerError("conflict", "this Idempotency-Key was used for another trigger; take a new one");
}
