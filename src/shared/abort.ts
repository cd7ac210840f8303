import { setTimeout as sleep } from "node:timers/promises";

/** Waits for `promise`, but no longer than `signal` lets it: then rejects with the signal's reason. The promise goes on by itself. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    const settled = (): void => signal.removeEventListener("abort", leave);
    promise.then(
      (value) => (settled(), resolve(value)),
      (error: unknown) => (settled(), reject(error)),
    );
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
  });
}

/** Work that ends when its signal is aborted. */
export type Task<T> = (signal: AbortSignal) => Promise<T>;

/** Both side by side. When one fails the other is aborted and waited for, so that nothing goes on behind the error. */
export async function together<A, B>(first: Task<A>, second: Task<B>, signal: AbortSignal): Promise<[A, B]> {
  const controller = new AbortController();
  const joined = AbortSignal.any([signal, controller.signal]);
  const abortingOther = <T>(task: Task<T>): Promise<T> =>
    task(joined).catch((error: unknown) => {
      controller.abort(error);
      throw error;
    });
  const [one, other] = await Promise.allSettled([abortingOther(first), abortingOther(second)]);
  if (one.status === "fulfilled" && other.status === "fulfilled") return [one.value, other.value];
  throw controller.signal.reason;
}

/** The same for any number of one kind. */
export async function allTogether<T>(tasks: readonly Task<T>[], signal: AbortSignal): Promise<readonly T[]> {
  const controller = new AbortController();
  const joined = AbortSignal.any([signal, controller.signal]);
  const abortingOthers = (task: Task<T>): Promise<T> =>
    task(joined).catch((error: unknown) => {
      controller.abort(error);
      throw error;
    });
  const settled = await Promise.allSettled(tasks.map(abortingOthers));
  const values = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  if (values.length === tasks.length) return values;
  throw controller.signal.reason;
}

/** Waits so long, but no longer than `signal` lets it: then rejects with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
