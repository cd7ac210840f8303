import type { Cursor, Exit, OutputBatch } from "../../engine/engine.ts";
import type { RunState } from "../../events/run-state.ts";
import type { Facts, Logger } from "../../shared/log.ts";
import type { RunLog } from "../../store/run-log.ts";
import type { Store } from "../../store/store.ts";
import { Mask, unmaskedWarning } from "./mask.ts";
import { MaskedOutput } from "./masked-output.ts";

/* What a stage may add by its own output. */
const mostMasks = 1000;
const longestMask = 4096;
const longestTogether = 256 * 1024;

type Output = AsyncGenerator<OutputBatch, Exit, void>;

/** Keeps the secrets of a run out of all that leaves it, from its first byte to its verdict, over restarts too. */
export class Masking {
  readonly #mask = new Mask();
  readonly #runId: string;
  readonly #log: RunLog;
  readonly #store: Store;
  readonly #asked = new Set<string>();
  #askedLength = 0;
  #new: string[] = [];
  readonly #told = new Set<string>();

  private constructor(runId: string, log: RunLog, store: Store) {
    this.#runId = runId;
    this.#log = log;
    this.#store = store;
    log.maskWith((text) => this.#mask.text(text));
  }

  /** Throws `config_invalid` when the run's secrets can't be read: then nothing of it may be shown. */
  static async begin(
    { runId, plan, handle, attempts }: RunState,
    log: RunLog,
    store: Store,
  ): Promise<Masking> {
    const masking = new Masking(runId, log, store);
    const { values, masks } = await store.secrets.held.read(runId);
    const short = Object.entries(values).filter(([, value]) => !masking.#mask.add(value));
    for (const mask of masks) masking.#add(mask);
    const names = short
      .map(([name]) => name)
      .filter((name) => plan.secrets?.some((each) => each.name === name));
    const isFirst = handle === null && attempts <= 1;
    if (isFirst && names.length > 0) log.say(unmaskedWarning(names));
    return masking;
  }

  /** A stage's output without secrets. `follow` goes on from the engine's own cursor; `cursor` is the stored one. */
  async *follow(follow: (cursor: Cursor | undefined) => Output, cursor: Cursor | undefined): Output {
    const masked = new MaskedOutput(this.#mask, cursor, (value) => this.#take(value));
    const output = follow(masked.from);
    try {
      for (;;) {
        const next = await output.next();
        const batch = next.done === true ? masked.end() : masked.push(next.value);
        await this.#remember();
        yield batch;
        if (next.done === true) return next.value;
      }
    } finally {
      output.next().catch(() => {}); // lets it close what it has open, once it's told to end
    }
  }

  #take(value: string | undefined): void {
    if (value === undefined || value.length > longestMask)
      return this.#tell(`a mask is longer than ${String(longestMask)} characters and isn't taken`);
    if (value === "" || this.#asked.has(value)) return;
    if (this.#asked.size >= mostMasks || this.#askedLength + value.length > longestTogether)
      return this.#tell("there are too many masks; further ones aren't taken");
    if (!this.#add(value)) return this.#tell("a mask of fewer than 4 characters isn't taken");
    this.#new.push(value);
  }

  #add(value: string): boolean {
    this.#asked.add(value);
    this.#askedLength += value.length;
    return this.#mask.add(value);
  }

  /** Before what comes after them is stored. What can't be stored now is with the next batch, if only of another try. */
  async #remember(): Promise<void> {
    if (this.#new.length === 0) return;
    await this.#store.secrets.held.addMasks(this.#runId, this.#new);
    this.#new = [];
  }

  #tell(what: string): void {
    if (!this.#told.has(what)) this.#log.say(what);
    this.#told.add(what);
  }
}

/** The mask of a run that isn't over; undefined for one that is, whose secrets nobody knows any more. */
export async function heldMask(runId: string, store: Store): Promise<Mask | undefined> {
  const { values, masks } = await store.secrets.held.read(runId);
  // Asked afterwards: while it isn't final, they were there.
  if ((await store.load(runId))?.verdict !== null) return undefined;
  const mask = new Mask();
  for (const secret of [...Object.values(values), ...masks]) mask.add(secret);
  return mask;
}

/** The operator's log, for what concerns one run. */
export function maskedLogger(log: Logger, masked: (text: string) => string): Logger {
  const factsOf = (facts: Facts = {}): Facts =>
    Object.fromEntries(
      Object.entries(facts).map(([key, value]) => [key, typeof value === "string" ? masked(value) : value]),
    );
  return {
    info: (message, facts) => log.info(masked(message), factsOf(facts)),
    warn: (message, facts) => log.warn(masked(message), factsOf(facts)),
    error: (message, facts) => log.error(masked(message), factsOf(facts)),
  };
}
