import type { Verdict } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import { lastSeqOf } from "./log-lines.ts";
import type { ApiStore } from "./options.ts";
import { Waker } from "./waker.ts";

/** What a reader of a log is given next. */
export type Fed =
  | { readonly type: "lines"; readonly lines: Uint8Array }
  /** Nothing came for a while: say so to the reader, lest the connection be taken for dead. */
  | { readonly type: "silence" }
  | { readonly type: "end"; readonly verdict: Verdict }
  /** The server stops, or the reader left: the log isn't over. */
  | { readonly type: "stopped" };

export interface FeedOptions {
  readonly run: RunState;
  /** Lines up to this seq are known to the reader. */
  readonly after: number;
  readonly silenceMs: number;
  /** Aborted when the server stops. */
  readonly closing: AbortSignal;
}

/**
 * One reader's way through the log of one run, waiting for it from PENDING on. Everything is pulled: as long as
 * the reader asks for nothing, nothing is read.
 */
export class LogFeed {
  readonly #store: Pick<ApiStore, "load" | "onChange" | "readLog">;
  readonly #options: FeedOptions;
  readonly #waker = new Waker();
  readonly #wake = (): void => this.#waker.wake();
  readonly #unsubscribe: () => void;
  #lastSeq: number;
  #verdict: Verdict | null;
  #reading: Reading | undefined;
  #isReleased = false;
  #isChecked = false;
  #isReadWhole = false;

  constructor(store: Pick<ApiStore, "load" | "onChange" | "readLog">, options: FeedOptions) {
    const { run, after, closing } = options;
    this.#store = store;
    this.#options = options;
    this.#lastSeq = after;
    this.#verdict = run.verdict;
    this.#unsubscribe = store.onChange((state) => {
      if (state.runId === run.runId) this.#learn(state);
    });
    closing.addEventListener("abort", this.#wake);
  }

  async next(): Promise<Fed> {
    await this.#checkOnce();
    for (;;) {
      if (this.#isReleased || this.#options.closing.aborted) return { type: "stopped" };
      const lines = this.#reading?.take();
      if (lines !== undefined) {
        this.#lastSeq = Math.max(this.#lastSeq, lastSeqOf(lines));
        return { type: "lines", lines };
      }
      if (this.#verdict !== null && this.#isComplete(this.#verdict))
        return { type: "end", verdict: this.#verdict };
      this.#read();
      if (!(await this.#waker.sleep(this.#options.silenceMs))) return this.#silence();
    }
  }

  /** Idempotent. A `next` that waits resolves to "stopped". */
  release(): void {
    this.#isReleased = true;
    this.#waker.wake();
    this.#unsubscribe();
    this.#options.closing.removeEventListener("abort", this.#wake);
    this.#reading?.stop();
  }

  /** The run may have ended between being loaded by the caller and being listened to here. */
  async #checkOnce(): Promise<void> {
    if (this.#isChecked) return;
    this.#isChecked = true;
    const state = await this.#store.load(this.#options.run.runId);
    if (state !== undefined) this.#learn(state);
  }

  #learn(state: RunState): void {
    if (state.verdict === null) return;
    this.#verdict = state.verdict;
    this.#waker.wake();
  }

  #isComplete(verdict: Verdict): boolean {
    return this.#isReadWhole || this.#lastSeq >= verdict.log.lines;
  }

  #read(): void {
    const reading = this.#reading;
    if (reading === undefined) return this.#start();
    if (!reading.isOver) return reading.pull();
    if (!reading.follows) this.#isReadWhole = true;
    // A followed log is over a moment before its verdict is known; what that says of its length is checked then.
    if (this.#verdict !== null) this.#start();
  }

  #start(): void {
    if (this.#isReadWhole) return this.#waker.wake();
    const follow = this.#verdict === null;
    const stop = new AbortController();
    const source = this.#store.readLog(
      this.#options.run.runId,
      { after: this.#lastSeq, follow },
      stop.signal,
    );
    this.#reading = new Reading(source[Symbol.asyncIterator](), { stop, follows: follow, wake: this.#wake });
    this.#reading.pull();
  }

  #silence(): Fed {
    if (this.#verdict !== null && this.#reading?.follows === true) {
      // The verdict is known, and yet the log didn't end: read what there is, and be done.
      this.#reading.stop();
      this.#reading = undefined;
    }
    return { type: "silence" };
  }
}

/** An iteration of which at most one step is under way, and which can be looked at without waiting. */
class Reading {
  readonly follows: boolean;
  isOver = false;
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #stop: AbortController;
  readonly #wake: () => void;
  #isPulling = false;
  #lines: Uint8Array | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    iterator: AsyncIterator<Uint8Array>,
    options: { readonly stop: AbortController; readonly follows: boolean; readonly wake: () => void },
  ) {
    this.#iterator = iterator;
    this.follows = options.follows;
    this.#stop = options.stop;
    this.#wake = options.wake;
  }

  pull(): void {
    if (!this.#isPulling) void this.#step();
  }

  take(): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const lines = this.#lines;
    this.#lines = undefined;
    return lines;
  }

  stop(): void {
    this.#stop.abort();
    void this.#iterator.return?.().then(undefined, () => {});
  }

  async #step(): Promise<void> {
    this.#isPulling = true;
    try {
      const { done, value } = await this.#iterator.next();
      if (done === true) this.isOver = true;
      else this.#lines = value;
    } catch (error) {
      if (this.#stop.signal.aborted) this.isOver = true;
      else this.#failure = { error };
    }
    this.#isPulling = false;
    this.#wake();
  }
}
