import { messageOf } from "../shared/errors.ts";
import type { RunState } from "../events/run-state.ts";
import { defaultRetryMs, type RunnerOptions } from "./context.ts";
import { EngineReach } from "./engine-reach.ts";
import { readinessOf } from "./needs.ts";
import { passOver, withdraw, type EndOfRun } from "./verdicts.ts";

/** What the queue asks of the runner. */
export interface QueueRoom {
  /** How many runs hold a slot. */
  readonly running: () => number;
  /** The run has left the queue and gets a slot. */
  readonly begin: (state: RunState) => void;
  /** Work whose end the runner has to wait for before it stops. */
  readonly finish: (work: Promise<unknown>) => void;
  /** After every pass. */
  readonly passed: () => void;
}

/** The runs that wait, in the order of their acceptance. */
export class Queue {
  readonly #options: RunnerOptions;
  readonly #room: QueueRoom;
  readonly #reach: EngineReach;
  readonly #waiting = new Map<string, RunState>();
  #scheduling: Promise<void> = Promise.resolve();
  #shut = false;

  constructor(options: RunnerOptions, room: QueueRoom) {
    this.#options = options;
    this.#room = room;
    this.#reach = new EngineReach(options, () => this.#scheduleLater());
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Nothing is begun any more. */
  get isShut(): boolean {
    return this.#shut;
  }

  shut(): void {
    this.#shut = true;
  }

  has(runId: string): boolean {
    return this.#waiting.has(runId);
  }

  add(state: RunState): void {
    this.#waiting.set(state.runId, state);
  }

  /** Resolves when the passes asked for so far are over. */
  get scheduled(): Promise<void> {
    return this.#scheduling;
  }

  /** One pass at a time over what waits; every change of what waits or runs asks for another. */
  schedule(): void {
    this.#scheduling = this.#scheduling
      .then(() => this.#fillSlots())
      .catch((error: unknown) => this.#options.log.error("scheduling failed", { error: messageOf(error) }))
      .then(() => this.#room.passed());
  }

  /** Ends a run that had no slot. When its end can't be stored it goes on waiting, and it's tried again. */
  async end(state: RunState, end: EndOfRun): Promise<RunState> {
    this.#waiting.delete(state.runId);
    const ending = end(state, this.#options);
    this.#room.finish(ending);
    try {
      const ended = await ending;
      this.schedule();
      return ended;
    } catch (error) {
      const facts = { run: state.runId, error: messageOf(error) };
      this.#options.log.warn("the end of a run that waits couldn't be stored", facts);
      this.#waiting.set(state.runId, state);
      this.#scheduleLater();
      throw error;
    }
  }

  async #fillSlots(): Promise<void> {
    await this.#withdrawCanceled();
    for (const state of Array.from(this.#waiting.values())) {
      if (this.#shut || this.#room.running() >= this.#options.settings().concurrency) return;
      if ((await this.#takeUp(state)) === "engine away") return;
    }
  }

  async #takeUp(state: RunState): Promise<"done" | "engine away"> {
    const waits = (): boolean => this.#waiting.has(state.runId);
    const readiness = await readinessOf(state, this.#options.store);
    if (readiness.kind === "wait" || !waits()) return "done";
    if (readiness.kind === "pass") {
      await this.end(state, passOver(readiness.reason)).catch(() => {});
      return "done";
    }
    if (!(await this.#reach.answers())) return "engine away";
    // It may have been canceled meanwhile.
    if (this.#waiting.delete(state.runId)) this.#room.begin(state);
    return "done";
  }

  /** Those whose cancel is on record but not their end: a crash or a full disk came between. */
  async #withdrawCanceled(): Promise<void> {
    for (const state of Array.from(this.#waiting.values())) {
      if (state.cancelRequestedBy !== null) await this.end(state, withdraw).catch(() => {});
    }
  }

  #scheduleLater(): void {
    setTimeout(() => this.schedule(), this.#options.retryMs ?? defaultRetryMs).unref();
  }
}
