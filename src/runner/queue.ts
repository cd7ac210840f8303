import { messageOf } from "../shared/errors.ts";
import type { RunState } from "../events/run-state.ts";
import { defaultRetryMs, type RunnerOptions } from "./context.ts";
import { EngineReach } from "./engine-reach.ts";
import { supersededBy, Turns } from "./groups.ts";
import { readinessOf } from "./needs.ts";
import { Reuse } from "./reuse/reuse.ts";
import { passOver, standFor, withdraw, type EndOfRun } from "./verdicts.ts";
import { waitsForOf, type WaitsFor } from "./waits-for.ts";

/** What the queue asks of the runner. */
export interface QueueRoom {
  /** The runs that hold a slot. */
  readonly running: () => readonly RunState[];
  /** The run has left the queue and gets a slot. */
  readonly begin: (state: RunState) => void;
  /** As somebody who asks for it does. */
  readonly cancel: (runId: string, by: string) => Promise<unknown>;
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
  readonly #reuse: Reuse;
  readonly #waiting = new Map<string, RunState>();
  /** Of those that wait: whose `cancel_in_progress`, if any, has been seen to. */
  readonly #seenTo = new Set<string>();
  #scheduling: Promise<void> = Promise.resolve();
  #shut = false;

  constructor(options: RunnerOptions, room: QueueRoom) {
    this.#options = options;
    this.#room = room;
    this.#reach = new EngineReach(options, () => this.#scheduleLater());
    this.#reuse = new Reuse(options, () => this.schedule(), room.finish);
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

  /** undefined: it doesn't wait. */
  async waitsFor(runId: string): Promise<WaitsFor | undefined> {
    const state = this.#waiting.get(runId);
    if (state === undefined) return undefined;
    const waiting = [...this.#waiting.values()];
    const before = waiting.slice(0, waiting.indexOf(state));
    const surroundings = { running: this.#room.running(), before, engineIsAway: this.#reach.isAway };
    return waitsForOf(state, surroundings, this.#options.store);
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
    await this.#cancelSuperseded();
    await this.#withdrawCanceled();
    const turns = new Turns();
    for (const state of Array.from(this.#waiting.values())) {
      if (this.#shut) return;
      // Without a slot, a run may still be one that is passed over.
      if (this.#isFull && !mayPassWithoutSlot(state)) continue;
      if (!this.#seenTo.has(state.runId)) continue;
      if ((await this.#takeUp(state, turns)) === "engine away") return;
    }
  }

  async #takeUp(state: RunState, turns: Turns): Promise<"done" | "engine away"> {
    const waits = (): boolean => this.#waiting.has(state.runId);
    const readiness = await readinessOf(state, this.#options.store);
    if (readiness.kind === "wait" || !waits()) return "done";
    if (readiness.kind === "pass") {
      await this.end(state, passOver(readiness.reason)).catch(() => {});
      return "done";
    }
    return this.#beginOrPass(state, turns);
  }

  async #beginOrPass(state: RunState, turns: Turns): Promise<"done" | "engine away"> {
    const mayBegin = turns.isDue(state, this.#room.running()) && !this.#isFull;
    if (!mayBegin && state.plan.inputs === undefined) return "done";
    if (!(await this.#reach.answers())) return "engine away";
    const reuse = this.#reuse.of(state);
    if (reuse === "unknown") turns.holdUp(state);
    else if (reuse !== "run") await this.end(state, standFor(reuse)).catch(() => this.#reuse.refute(state));
    // It may have been canceled meanwhile.
    else if (mayBegin && this.#waiting.delete(state.runId)) this.#room.begin(state);
    return "done";
  }

  /**
   * Here, not where runs are accepted: what a crash or a full disk left undone is done by the next pass, and until it is the
   * run that asks for it isn't begun.
   */
  async #cancelSuperseded(): Promise<void> {
    for (const runId of this.#seenTo) if (!this.#waiting.has(runId)) this.#seenTo.delete(runId);
    const all = [...this.#room.running(), ...this.#waiting.values()];
    for (const state of Array.from(this.#waiting.values())) {
      if (this.#seenTo.has(state.runId)) continue;
      try {
        for (const { runId } of supersededBy(state, all))
          await this.#room.cancel(runId, `run ${state.runId}`);
        this.#seenTo.add(state.runId);
      } catch (error) {
        const facts = { run: state.runId, error: messageOf(error) };
        this.#options.log.warn("the runs that a new one puts an end to couldn't be canceled", facts);
        this.#scheduleLater();
      }
    }
  }

  get #isFull(): boolean {
    return this.#room.running().length >= this.#options.settings().concurrency;
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

/** Its rules leave it out, or an earlier success may stand for it. */
function mayPassWithoutSlot({ plan }: RunState): boolean {
  return plan.leftOut !== undefined || plan.inputs !== undefined;
}
