import { endingSignals, type EndingSignal } from "./exit.ts";

/** The user's Ctrl-C, or the system's wish that we end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly signal: EndingSignal;

  constructor(signal: EndingSignal) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** Calls `listener` for each ending signal, in place of the default, which ends the process. Returns what undoes it. */
export function onEndingSignal(listener: (signal: EndingSignal) => void): () => void {
  const listeners = endingSignals.map((signal) => ({ signal, run: () => listener(signal) }));
  for (const { signal, run } of listeners) process.on(signal, run);
  return () => {
    for (const { signal, run } of listeners) process.off(signal, run);
  };
}

/** Runs `work` with an AbortSignal that the first ending signal aborts, `Interrupted` being the reason. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const restore = onEndingSignal((signal) => controller.abort(new Interrupted(signal)));
  try {
    return await work(controller.signal);
  } finally {
    restore();
  }
}
