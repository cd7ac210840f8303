import { RunnerError } from "../shared/errors.ts";
import type { RunState } from "../events/run-state.ts";
import type { RunnerOptions } from "./context.ts";
import { decide } from "./decide.ts";
import type { Admitted } from "./intake.ts";
import { inOrderOfAcceptance, runsWithKey } from "./idempotency.ts";
import type { Queue } from "./queue.ts";
import { secretsFor } from "./secrets.ts";
import { withdraw } from "./verdicts.ts";

/** As long as a look at a repository may take; who asked waits for it. */
const decisionMs = 60_000;

/** Its secrets are those that it gets. */
interface Decided extends Admitted {
  readonly runId: string;
}

/** Decides triggers, and puts them on disk and into the queue, each once. */
export class Acceptance {
  readonly #options: RunnerOptions;
  readonly #queue: Queue;
  readonly #accepting = new Map<string, Promise<readonly RunState[]>>();
  /** Accepted in vain, since the rest of them couldn't be; their end may not be on disk yet. */
  readonly #withdrawn = new Set<string>();
  /** Being accepted. */
  #coming = 0;

  constructor(options: RunnerOptions, queue: Queue) {
    this.#options = options;
    this.#queue = queue;
  }

  /** All of them or none. They have one Idempotency-Key in common, or none has one. */
  async submitAll(wanted: readonly Admitted[]): Promise<readonly RunState[]> {
    const { idempotencyKey: key, fingerprint } = wanted[0]?.request ?? {};
    if (key === undefined) return this.#accept(wanted);
    // Nothing is awaited between the second look and `set`, so that of many at once one accepts.
    const known = (await this.repeated(key, fingerprint)) ?? this.#accepting.get(key);
    if (known !== undefined) return mustBeSame(await known, fingerprint);
    const accepted = this.#acceptMissing(wanted, key).finally(() => this.#accepting.delete(key));
    this.#accepting.set(key, accepted);
    return accepted;
  }

  /** The runs that this key led to; undefined when there are none, or a crash left some of them out. */
  async repeated(key: string, fingerprint: string | undefined): Promise<readonly RunState[] | undefined> {
    const runs = mustBeSame(await runsWithKey(key, this.#options.store), fingerprint);
    const [first] = runs;
    return first !== undefined && runs.length >= (first.request.combinations ?? 1) ? runs : undefined;
  }

  /** What a crash left accepted of them isn't accepted again; what was withdrawn, since the rest couldn't be stored, is. */
  async #acceptMissing(wanted: readonly Admitted[], key: string): Promise<readonly RunState[]> {
    const before = (await runsWithKey(key, this.#options.store)).filter(
      ({ runId, status }) => status !== "CANCELED" && !this.#withdrawn.has(runId),
    );
    const present = new Set(before.map(({ plan }) => plan.id));
    const missing = wanted.filter(({ plan }) => !present.has(plan.id));
    return inOrderOfAcceptance([...before, ...(await this.#accept(missing))]);
  }

  async #accept(wanted: readonly Admitted[]): Promise<readonly RunState[]> {
    this.#refuseTooMany(wanted.length);
    this.#coming += wanted.length;
    try {
      const decided: Decided[] = [];
      for (const each of wanted) decided.push(await this.#decided(each));
      const accepted = await this.#record(decided);
      for (const state of accepted) this.#queue.add(state);
      this.#queue.schedule();
      return accepted;
    } finally {
      this.#coming -= wanted.length;
    }
  }

  #refuseTooMany(coming: number): void {
    if (this.#queue.isShut)
      throw new RunnerError("shutting_down", "the runner shuts down; try again in a moment");
    const waiting = this.#queue.size + this.#coming;
    if (waiting + coming > this.#options.settings().queueLimit) {
      throw new RunnerError("queue_full", `${String(waiting)} runs wait already; try again later`);
    }
  }

  async #decided({ request, plan, secrets: given = {} }: Admitted): Promise<Decided> {
    const { store, settings } = this.#options;
    const runId = Bun.randomUUIDv7();
    const signal = AbortSignal.timeout(decisionMs);
    const decided = await decide({ runId, request, plan }, settings(), signal);
    const kept = settings().ephemeral ? undefined : store.secrets.kept;
    return { runId, request, plan: decided, secrets: await secretsFor(decided, request, { given, kept }) };
  }

  /** By the queue, which tries again while that can't be stored. */
  async #withdraw(state: RunState): Promise<void> {
    this.#withdrawn.add(state.runId);
    await this.#queue.end({ ...state, cancelRequestedBy: "the runner" }, withdraw).catch(() => {});
  }

  /** Those on disk before one that can't be stored never run. */
  async #record(decided: readonly Decided[]): Promise<readonly RunState[]> {
    const { store } = this.#options;
    const accepted: RunState[] = [];
    try {
      for (const { runId, request, plan, secrets } of decided)
        accepted.push(await store.accept(runId, request, plan, secrets));
      return accepted;
    } catch (error) {
      for (const state of accepted) await this.#withdraw(state);
      throw error;
    }
  }
}

function mustBeSame(runs: readonly RunState[], fingerprint: string | undefined): readonly RunState[] {
  if (runs.every(({ request }) => request.fingerprint === fingerprint)) return runs;
  throw new RunnerError("conflict", "this Idempotency-Key was used for another trigger; take a new one");
}
