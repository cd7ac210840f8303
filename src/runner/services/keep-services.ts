import { messageOf } from "../../shared/errors.ts";
import { endingOf, titleOf } from "../../engine/services.ts";
import type { RunState } from "../../events/run-state.ts";
import type { RunLog } from "../../store/run-log.ts";
import type { RunnerOptions } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { ServiceBook } from "./service-book.ts";
import { keepServiceLog, sayLastLines } from "./service-log.ts";
import { type RunService, servicesOf } from "./service-specs.ts";

/** An engine that doesn't answer holds up no verdict. */
const patienceMs = 30_000;

interface Keeping {
  readonly log: RunLog;
  readonly options: RunnerOptions;
  readonly book: ServiceBook;
}

/** Beside a stage that runs: says which of its services end before it does. Returns what ends the watch. */
export function watchServices(state: RunState, log: RunLog, options: RunnerOptions): () => Promise<void> {
  const over = new AbortController();
  const keeping = { log, options, book: ServiceBook.read(state.runId, options.store) };
  const watches = servicesOf(state).map(async (service) => {
    if (keeping.book.stateOf(service) !== "ready") return;
    const end = await options.engine.services.ended(service, over.signal);
    log.say(`service ${titleOf(service)} ${endingOf(end)} while the stage ran`);
    await keeping.book.note(service, "ended", end);
  });
  const done = Promise.allSettled(watches);
  return async () => {
    over.abort(new Error("the stage has ended"));
    await done;
  };
}

/**
 * Once the stage has ended, before anything of it is removed: how its services fared and what they wrote. For a stage that
 * failed, the last lines of those that had ended stand in its log. Whatever goes wrong here changes nothing of its outcome.
 * May be called again.
 */
export async function keepServices(
  state: RunState,
  outcome: Outcome,
  log: RunLog,
  options: RunnerOptions,
): Promise<void> {
  const services = servicesOf(state);
  if (services.length === 0) return;
  const keeping = { log, options, book: ServiceBook.read(state.runId, options.store) };
  const signal = AbortSignal.timeout(patienceMs);
  try {
    for (const service of services) {
      await keepOne(service, keeping, signal);
      if (outcome.status === "FAILURE" && keeping.book.stateOf(service) === "ended")
        await sayLastLines(service, log, options, signal);
    }
  } catch (error) {
    options.log.warn("couldn't keep what the services of a run wrote", {
      run: state.runId,
      error: messageOf(error),
    });
  }
}

/** One that has been kept, maybe by an earlier process, is gone by now. */
async function keepOne(
  service: RunService,
  { log, options, book }: Keeping,
  signal: AbortSignal,
): Promise<void> {
  const before = book.stateOf(service);
  if (before === "stopped") return;
  const end = await options.engine.services.inspect(service, signal);
  await keepServiceLog(service, log, options, signal);
  if (before !== "starting" && before !== "ready") return;
  const endedItself = before === "ready" && end !== undefined;
  if (endedItself) log.say(`service ${titleOf(service)} ${endingOf(end)} while the stage ran`);
  await book.note(service, endedItself ? "ended" : "stopped", end);
}
