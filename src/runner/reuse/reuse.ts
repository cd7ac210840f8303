import { messageOf } from "../../shared/errors.ts";
import type { RunState } from "../../events/run-state.ts";
import type { RunnerOptions } from "../context.ts";
import { engineAway, lookUp, publish, type Found } from "./reuse-lookup.ts";

/** `unknown`: it's being looked up. */
export type ReuseAnswer = "run" | "unknown" | Found;

interface Known {
  readonly answer: ReuseAnswer;
  /** How many successes had come by then. */
  readonly published: number;
}

/**
 * Whether an earlier success stands for a run that waits. Looked up beside the queue, which goes on meanwhile. Makes each new
 * success one that may stand for later runs: whoever has seen its verdict and asks again finds it.
 */
export class Reuse {
  readonly #options: RunnerOptions;
  readonly #again: () => void;
  readonly #finish: (work: Promise<unknown>) => void;
  readonly #known = new WeakMap<RunState, Known>();
  readonly #publishing = new Set<Promise<void>>();
  #published = 0;

  /** `again`: asks for another pass over what waits. `finish`: work that has to be waited for before the end. */
  constructor(options: RunnerOptions, again: () => void, finish: (work: Promise<unknown>) => void) {
    this.#options = options;
    this.#again = again;
    this.#finish = finish;
    options.store.onChange((state) => {
      if (state.status === "SUCCESS" && mayStandOn(state)) finish(this.#publish(state));
    });
  }

  /** For a run whose needs are final. */
  of(state: RunState): ReuseAnswer {
    if (!mayStandOn(state) || state.request.reuse === false) return "run";
    const known = this.#known.get(state);
    if (known !== undefined && (known.answer !== "run" || known.published >= this.#published))
      return known.answer;
    this.#note(state, "unknown");
    this.#finish(this.#lookUp(state, known === undefined));
    return "unknown";
  }

  /** What stood for it is gone, or couldn't be handed over. */
  refute(state: RunState): void {
    this.#known.set(state, { answer: "run", published: Infinity });
  }

  async #lookUp(state: RunState, isFirst: boolean): Promise<void> {
    await Promise.all(this.#publishing);
    const published = this.#published;
    try {
      const found = await lookUp(state, this.#options, { tells: isFirst });
      this.#known.set(state, { answer: found ?? "run", published });
    } catch (error) {
      const facts = { run: state.runId, error: messageOf(error) };
      if (!engineAway(error)) this.#options.log.warn("couldn't look for an earlier success; it runs", facts);
      this.#known.set(state, { answer: "run", published });
    }
    this.#again();
  }

  #note(state: RunState, answer: ReuseAnswer): void {
    this.#known.set(state, { answer, published: this.#published });
  }

  async #publish(state: RunState): Promise<void> {
    this.#published += 1;
    const publishing = publish(state, this.#options).catch((error: unknown) => {
      const facts = { run: state.runId, error: messageOf(error) };
      this.#options.log.warn("a success can't stand for later runs", facts);
    });
    this.#publishing.add(publishing);
    await publishing;
    this.#publishing.delete(publishing);
  }
}

/** Secrets may have changed since, and what was given isn't compared: a stage that names any always runs. */
function mayStandOn({ plan }: RunState): boolean {
  return plan.inputs !== undefined && (plan.secrets ?? []).length === 0;
}
