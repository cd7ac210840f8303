import type { RecordedEvent, Verdict } from "../../events/event.ts";
import type { RunState } from "../../events/run-state.ts";
import type { StagePlan } from "../../plan/plan.ts";
import { unlessAborted } from "../../shared/abort.ts";
import { LastLines } from "./last-lines.ts";
import { parseLogLines } from "./log-lines.ts";
import type { StageResult } from "./results.ts";
import type { View } from "./view.ts";

/** What of the store is needed to watch runs. */
export interface Watched {
  events(runId: string): Promise<readonly RecordedEvent[]>;
  onChange(listener: (state: RunState) => void): () => void;
  readLog(
    runId: string,
    options: { readonly after: number; readonly follow: boolean },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}

/** Hands a run's events and log to the view until it is final; resolves to how it ended. */
export async function followRun(
  store: Watched,
  run: { readonly runId: string; readonly plan: StagePlan },
  view: View,
  signal: AbortSignal,
): Promise<StageResult> {
  const events = new EventFeed(store, run.runId, (event) => view.event(run.plan.id, event));
  const lastLines = new LastLines();
  try {
    await events.pump();
    for await (const chunk of store.readLog(run.runId, { after: 0, follow: true }, signal)) {
      await events.pump(); // "started" is shown before the first line
      const lines = parseLogLines(chunk);
      lastLines.add(lines);
      await view.log(run.plan.id, lines);
    }
    const verdict = await events.finish(signal);
    const { failedTries } = events;
    return {
      plan: run.plan,
      verdict,
      lastLines: lastLines.read(),
      ...(failedTries === 0 ? {} : { failedTries }),
    };
  } finally {
    events.close();
  }
}

/** Shows a run's events once and in order. The last one is kept back until `finish`. */
class EventFeed {
  readonly #store: Watched;
  readonly #runId: string;
  readonly #show: (event: RecordedEvent) => Promise<void>;
  readonly #unsubscribe: () => void;
  readonly #final = Promise.withResolvers<void>();
  #shown = 0;
  #failedTries = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(store: Watched, runId: string, show: (event: RecordedEvent) => Promise<void>) {
    this.#store = store;
    this.#runId = runId;
    this.#show = show;
    this.#unsubscribe = store.onChange((state) => {
      if (state.runId !== runId) return;
      if (state.verdict !== null) this.#final.resolve();
      else this.pump().catch(this.#final.reject);
    });
    this.#final.promise.catch(() => {}); // whoever awaits it later gets the error
  }

  get failedTries(): number {
    return this.#failedTries;
  }

  pump(): Promise<void> {
    const done = this.#last.then(() => this.#showNew());
    this.#last = done.catch(() => {});
    return done;
  }

  async finish(signal: AbortSignal): Promise<Verdict> {
    if ((await this.#finished()) === undefined) await unlessAborted(this.#final.promise, signal);
    await this.pump();
    const finished = await this.#finished();
    if (finished === undefined) throw new Error(`run ${this.#runId} is final without an end`);
    await this.#show(finished);
    return finished;
  }

  close(): void {
    this.#unsubscribe();
  }

  async #showNew(): Promise<void> {
    const events = await this.#store.events(this.#runId);
    for (const event of events) {
      if (event.seq <= this.#shown || event.type === "finished") continue;
      this.#shown = event.seq;
      if (event.type === "try_failed") this.#failedTries++;
      await this.#show(event);
    }
  }

  async #finished() {
    const events = await this.#store.events(this.#runId);
    return events.find((event) => event.type === "finished");
  }
}
