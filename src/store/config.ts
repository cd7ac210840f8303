import { readFileSync, statSync } from "node:fs";
import type { Ceiling } from "../plan/ceiling.ts";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { makeFolder, writeAtomic } from "./atomic.ts";
import { checkConfig } from "./config-check.ts";
import { diskError } from "./disk-error.ts";
import { configFile } from "./layout.ts";
import { parseLine } from "./ndjson.ts";

/** config.json (0600): what the operator and the forge have said. Read anew on SIGHUP. */
export interface Config {
  readonly version: 1;
  readonly registration: Registration | null;
  /** Folders under which the forge's repositories lie; absolute. */
  readonly repoRoots: readonly string[];
  readonly defaultImage: string;
  /** Seconds. */
  readonly defaultTimeout: number;
  readonly successExit: readonly number[];
  /** How many stages run side by side; null: as many as the machine has cores. */
  readonly concurrency: number | null;
  /** How many runs may wait; one more is refused. */
  readonly queueLimit: number;
  /** Seconds between TERM and KILL. */
  readonly grace: number;
  /** What one stage may use at most; null: no limit. */
  readonly ceiling: Ceiling | null;
  /** How many bytes all caches together may have. */
  readonly cacheLimit: number;
}

export interface Registration {
  /** Given by the forge, "offline-…" for a runner without one. */
  readonly id: string;
  /** The runner's own address at the forge; empty offline. */
  readonly url: string;
  /** The base address registered with; empty offline. */
  readonly forge: string;
  /** What callers of the API must bear. */
  readonly token: string;
  /** RFC 3339. */
  readonly registeredAt: string;
}

export const defaultConfig: Config = {
  version: 1,
  registration: null,
  repoRoots: [],
  defaultImage: "alpine:latest",
  defaultTimeout: 900,
  successExit: [0],
  concurrency: null,
  queueLimit: 1000,
  grace: 10,
  ceiling: null,
  cacheLimit: 10 * 2 ** 30,
};

/** The defaults when there's no config.json. Throws `config_invalid`, with an error for each key that is wrong. */
export async function loadConfig(folder: string): Promise<Config> {
  const text = readText(configFile(folder));
  return text === undefined ? defaultConfig : parseConfig(parseLine(text.replace(/^\uFEFF/, "")));
}

/** JSON from outside as a configuration; `undefined` is what isn't JSON at all. */
export function parseConfig(value: unknown): Config {
  if (value === undefined)
    throw new RunnerError("config_invalid", "config.json isn't JSON; correct it or remove it");
  const checked = checkConfig(value, defaultConfig);
  if ("config" in checked) return checked.config;
  const { errors } = checked;
  const message = errors.map((error) => error.message).join("; ");
  throw new RunnerError("config_invalid", `config.json: ${message}`, { errors });
}

/** Whole or not at all, readable by the owner only, since the token stands in it. */
export async function saveConfig(folder: string, config: Config): Promise<void> {
  parseConfig(config);
  try {
    await makeFolder(folder, true);
    const text = `${JSON.stringify(config, null, 2)}\n`;
    await writeAtomic(configFile(folder), text, { durable: true, mode: 0o600 });
  } catch (error) {
    throw diskError(error, "config.json");
  }
}

/** True when others than its owner may read or change config.json, in which the token stands. */
export function configIsExposed(folder: string): boolean {
  try {
    return (statSync(configFile(folder)).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "ENOENT") return undefined;
    throw new RunnerError("config_invalid", `config.json can't be read (${code})`, { cause: error });
  }
}
