import { allTogether, unlessAborted } from "../../shared/abort.ts";
import { messageOf, RunnerError } from "../../shared/errors.ts";
import { type Readiness, type ServiceSpec, titleOf } from "../../engine/services.ts";
import type { RunLog } from "../../store/run-log.ts";
import type { RunnerOptions } from "../context.ts";
import { ServiceBook } from "./service-book.ts";
import { sayLastLines } from "./service-log.ts";

interface Serving {
  readonly log: RunLog;
  readonly options: RunnerOptions;
  readonly book: ServiceBook;
  /** Made once for the run, for its services and its stage. */
  readonly network: Promise<void>;
}

/**
 * From nothing to services that the script may use: each is pulled, started and waited for by itself, beside the others and
 * beside the stage. What became of them is told in the manifest's order. The first that fails ends the others' beginnings.
 */
export async function serve(
  specs: readonly ServiceSpec[],
  serving: Omit<Serving, "book">,
  signal: AbortSignal,
): Promise<void> {
  const [first] = specs;
  if (first === undefined) return;
  const { log, options } = serving;
  const book = ServiceBook.read(first.runId, options.store);
  await book.begin(specs);
  log.say(`waiting for ${specs.length === 1 ? "service" : "services"} ${specs.map(titleOf).join(", ")}`);
  const inOrder = new InOrder(log);
  const tasks = specs.map((spec, index) => async (each: AbortSignal) => {
    const readiness = await begin(spec, { ...serving, book }, each);
    inOrder.say(index, `service ${titleOf(spec)}: ${wordsOf(readiness)}`);
  });
  await allTogether(tasks, signal);
}

async function begin(spec: ServiceSpec, serving: Serving, signal: AbortSignal): Promise<Readiness> {
  const { log, book, network } = serving;
  const { engine } = serving.options;
  try {
    await Promise.all([
      engine.pull(spec.image, (line) => log.say(line), signal),
      unlessAborted(network, signal),
    ]);
    await engine.services.start(spec, signal);
    const readiness = await engine.services.ready(spec, signal);
    await book.note(spec, "ready");
    return readiness;
  } catch (error) {
    const isItsOwn = error instanceof RunnerError && error.code === "service_failed";
    if (isItsOwn && !signal.aborted) await tellFailure(spec, error.message, serving, signal);
    throw error;
  }
}

/** What can't be told hides nothing of why it failed. */
async function tellFailure(
  spec: ServiceSpec,
  reason: string,
  { log, options, book }: Serving,
  signal: AbortSignal,
): Promise<void> {
  try {
    log.say(reason);
    await book.note(spec, "failed", await options.engine.services.inspect(spec, signal));
    await sayLastLines(spec, log, options, signal);
  } catch (error) {
    options.log.warn("couldn't tell all of a service that failed", {
      run: spec.runId,
      error: messageOf(error),
    });
  }
}

/** Says a line when all before it have been said. */
class InOrder {
  readonly #log: RunLog;
  readonly #waiting = new Map<number, string>();
  #next = 0;

  constructor(log: RunLog) {
    this.#log = log;
  }

  say(place: number, line: string): void {
    this.#waiting.set(place, line);
    for (;;) {
      const next = this.#waiting.get(this.#next);
      if (next === undefined) return;
      this.#log.say(next);
      this.#next += 1;
    }
  }
}

function wordsOf(readiness: Readiness): string {
  if (readiness.by === "port") return `ready, port ${String(readiness.port)} accepts connections`;
  return words[readiness.by];
}

const words = {
  healthcheck: "ready by its healthcheck",
  image: "ready by its image's healthcheck",
  running: "ready as it runs; its image has neither a healthcheck nor an exposed port",
  unknown: "taken for ready as it runs; its ports can't be seen from here, so give it a healthcheck",
} as const;
