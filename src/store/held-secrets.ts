import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import { list, mapOf, optional, record, text } from "../events/shape.ts";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { makeFolder, writeAtomic } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { heldSecretsFile, heldSecretsFolder } from "./layout.ts";
import { parseLine } from "./ndjson.ts";
import type { SecretBox } from "./secret-box.ts";

/** What a run that isn't final must know again after a restart, and nobody else may. */
export interface HeldSecrets {
  /** By the names that the plan has for them. */
  readonly values: Readonly<Record<string, string>>;
  /** Texts that its own output asked to be masked. */
  readonly masks: readonly string[];
}

/**
 * The secrets of runs that wait or run: `secrets/.held/<runId>`, a sealed line for the values and one for each lot of masks
 * that came later. Gone once the run is final.
 */
export class HeldSecretsStore {
  readonly #folder: string;
  readonly #durable: boolean;
  readonly #box: SecretBox;

  constructor(folder: string, durable: boolean, box: SecretBox) {
    this.#folder = folder;
    this.#durable = durable;
    this.#box = box;
  }

  /** Before the run is acknowledged; safe there when it resolves. */
  async hold(runId: string, values: Readonly<Record<string, string>>): Promise<void> {
    const path = heldSecretsFile(this.#folder, runId);
    try {
      await makeFolder(dirname(path), this.#durable);
      const line = await this.#box.seal(JSON.stringify({ values }), runId);
      await writeAtomic(path, `${line}\n`, { durable: this.#durable, mode: 0o600 });
    } catch (error) {
      throw diskError(error, "the run's secrets");
    }
  }

  /** A crash may tear the last line: what it had come of comes again from the engine. */
  async addMasks(runId: string, masks: readonly string[]): Promise<void> {
    const path = heldSecretsFile(this.#folder, runId);
    try {
      await makeFolder(dirname(path), false);
      const line = await this.#box.seal(JSON.stringify({ masks }), runId);
      appendFileSync(path, `\n${line}\n`, { mode: 0o600 });
    } catch (error) {
      throw diskError(error, "the run's secrets");
    }
  }

  /** Nothing for a run that has none. Cuts a torn last line. Throws `config_invalid` when they can't be read. */
  async read(runId: string): Promise<HeldSecrets> {
    const path = heldSecretsFile(this.#folder, runId);
    const values: Record<string, string> = {};
    const masks: string[] = [];
    const stored = textOf(path);
    for (const { index: at, 0: line } of stored.matchAll(/[^\n]+/g)) {
      const opened = await this.#box.open(line, runId);
      const lot = opened === undefined ? undefined : parseLine(opened);
      if (isLot(lot)) {
        Object.assign(values, lot.values);
        masks.push(...(lot.masks ?? []));
      } else if (at + line.length === stored.length) {
        truncateSync(path, at);
      } else {
        throw new RunnerError(
          "config_invalid",
          "the run's secrets can't be read: they're damaged, or the runner's key has changed",
        );
      }
    }
    return { values, masks };
  }

  remove(runId: string): void {
    rmSync(heldSecretsFile(this.#folder, runId), { force: true });
  }

  /** Removes what a crash has left of runs that aren't among `live`. */
  sweep(live: ReadonlySet<string>): void {
    for (const name of namesIn(heldSecretsFolder(this.#folder))) {
      if (!live.has(name)) rmSync(`${heldSecretsFolder(this.#folder)}/${name}`, { force: true });
    }
  }
}

interface Lot {
  readonly values?: Readonly<Record<string, string>>;
  readonly masks?: readonly string[];
}

const lotShape = record({ values: optional(mapOf(text)), masks: optional(list(text)) });
const isLot = (value: unknown): value is Lot => lotShape(value);

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return "";
    throw diskError(error, "the run's secrets");
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}
