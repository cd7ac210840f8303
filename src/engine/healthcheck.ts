import { pause } from "../shared/abort.ts";
import type { HealthcheckPlan } from "../plan/plan.ts";

/** One try of a healthcheck; `output` is what it printed. */
export interface Probe {
  readonly succeeded: boolean;
  readonly output: string;
}

export type Pace = Pick<HealthcheckPlan, "intervalSeconds" | "timeoutSeconds" | "retries" | "startSeconds">;

/** A service is often ready long before its interval is over, and the script waits for it. */
const eagerMs = 50;
const longestEagerMs = 1000;

/**
 * Tries until one succeeds; resolves to undefined then, else to what the last one printed. Failures count as in the Docker Engine: one an
 * interval, none before the start period is over, and `retries` of them are the end. Tries in between cost nothing but themselves.
 */
export async function untilHealthy(
  pace: Pace,
  probe: (signal: AbortSignal) => Promise<Probe>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const began = performance.now();
  let countedAt = began;
  let failures = 0;
  let pauseMs = eagerMs;
  for (;;) {
    const { succeeded, output } = await inTime(pace, probe, signal);
    if (succeeded) return undefined;
    const now = performance.now();
    if (now - began >= pace.startSeconds * 1000 && now - countedAt >= pace.intervalSeconds * 1000) {
      countedAt = now;
      failures += 1;
      if (failures >= pace.retries) return output;
    }
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 1.5, longestEagerMs, pace.intervalSeconds * 1000);
  }
}

/** A try that takes too long has failed. */
async function inTime(
  { timeoutSeconds }: Pace,
  probe: (signal: AbortSignal) => Promise<Probe>,
  signal: AbortSignal,
): Promise<Probe> {
  const patience = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    return await probe(AbortSignal.any([signal, patience]));
  } catch (error) {
    signal.throwIfAborted();
    if (!patience.aborted) throw error;
    return { succeeded: false, output: `no answer within ${String(timeoutSeconds)} s` };
  }
}
