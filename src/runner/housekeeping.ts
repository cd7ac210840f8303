import { messageOf } from "../shared/errors.ts";
import type { RunnerOptions } from "./context.ts";

const everyMs = 60_000;

/** Deletes what has expired: now, and from time to time. Returns what ends it, which waits for what is under way. */
export function keepHouse(
  options: Pick<RunnerOptions, "store" | "log">,
  intervalMs = everyMs,
): () => Promise<void> {
  let sweeping = sweepArtifacts(options);
  const timer = setInterval(() => {
    sweeping = sweeping.then(() => sweepArtifacts(options));
  }, intervalMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    return sweeping;
  };
}

async function sweepArtifacts({ store, log }: Pick<RunnerOptions, "store" | "log">): Promise<void> {
  try {
    for (const run of await store.runArtifacts.sweep()) log.info("deleted expired artifacts", { run });
  } catch (error) {
    log.warn("couldn't delete expired artifacts", { error: messageOf(error) });
  }
}
