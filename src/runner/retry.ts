import { setTimeout as sleep } from "node:timers/promises";
import { RunnerError, messageOf } from "../shared/errors.ts";
import { defaultRetryMs, type RunnerOptions } from "./context.ts";

export interface Retry {
  /** Told to the operator, once. */
  readonly what: string;
  /** After the first try that failed, for what may help the next one. Must not reject. */
  readonly relieve?: () => Promise<void>;
}

/**
 * Does it until it works, while it fails for want of what may come back: the engine, or room on the disk. The first try is
 * made although `signal` may be aborted: what led here has been done, and must not be done again by the next process.
 */
export async function untilAvailable<T>(
  work: () => Promise<T>,
  { what, relieve }: Retry,
  { log, retryMs = defaultRetryMs }: Pick<RunnerOptions, "log" | "retryMs">,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (tries === 1) {
        log.warn(`${what} has to wait`, { error: messageOf(error) });
        await relieve?.();
      }
      await sleep(retryMs, undefined, { signal });
    }
  }
}

/** A question to the engine that took too long is one that it didn't answer. */
function mayPass(error: unknown): boolean {
  if (error instanceof RunnerError) return passing.has(error.code);
  return error instanceof DOMException && error.name === "TimeoutError";
}

const passing: ReadonlySet<string> = new Set(["engine_unreachable", "disk_full", "state_unwritable"]);
