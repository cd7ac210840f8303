import { parseBytes } from "../shared/bytes.ts";
import { parseDuration } from "../shared/duration.ts";
import type { Config } from "../store/config.ts";
import { unknown, usage } from "./arguments.ts";
import { readCeiling } from "./ceiling.ts";
import { readWholeNumber } from "./numbers.ts";
import { quoted } from "./printable.ts";
import { resolveRepoRoots } from "./repo-roots.ts";

/** The part of the configuration that an operator sets. The registration is made by `register`. */
export type Settings = Omit<Config, "version" | "registration">;

type Read<K extends keyof Settings> = (words: readonly string[]) => Settings[K] | Promise<Settings[K]>;

const maxNumber = 1_000_000;

/** How each key is read from the words after it. */
const readers: { readonly [K in keyof Settings]: Read<K> } = {
  repoRoots: resolveRepoRoots,
  defaultImage: (words) => one("defaultImage", words),
  defaultTimeout: (words) => readSeconds("defaultTimeout", one("defaultTimeout", words)),
  successExit: (words) => words.map((word) => readNumber("successExit", word, 0, 255)),
  concurrency: (words) => {
    const word = one("concurrency", words);
    return word === "auto" || word === "null" ? null : readNumber("concurrency", word, 1, 1000);
  },
  queueLimit: (words) => readNumber("queueLimit", one("queueLimit", words), 1, maxNumber),
  grace: (words) => readSeconds("grace", one("grace", words)),
  ceiling: readCeiling,
  cacheLimit: (words) => readSize("cacheLimit", one("cacheLimit", words)),
};

/** `config` with one key set to what `words` say. Throws `usage`. */
export async function withSetting(config: Config, key: string, words: readonly string[]): Promise<Config> {
  if (!isSetting(key)) throw unknown("key", key, Object.keys(readers));
  return { ...config, [key]: await readers[key](words) };
}

/** The value of "grace", or of "registration.id". Throws `usage` for a key that isn't there. */
export function settingAt(config: Config, key: string): unknown {
  const values: Readonly<Record<string, unknown>> = {
    ...config,
    ...Object.fromEntries(
      Object.entries(config.registration ?? {}).map(([name, value]) => [`registration.${name}`, value]),
    ),
  };
  if (!Object.hasOwn(values, key)) throw unknown("key", key, Object.keys(values));
  return key === "registration" ? withoutToken(config).registration : values[key];
}

/** For eyes: everything but the token. */
export function withoutToken(config: Config): Config {
  const { registration } = config;
  return registration === null ? config : { ...config, registration: { ...registration, token: "(hidden)" } };
}

function isSetting(key: string): key is keyof Settings {
  return Object.hasOwn(readers, key);
}

function one(key: string, words: readonly string[]): string {
  const [word, ...rest] = words;
  if (word === undefined || word === "" || rest.length > 0) throw usage(`${key} takes one value`);
  return word;
}

function readNumber(key: string, text: string, least: number, most: number): number {
  return readWholeNumber(key, text, { least, most }) ?? least;
}

function readSeconds(key: string, text: string): number {
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : parseDuration(text);
  if (seconds === undefined) throw usage(`${key} is a duration, as 90s, 15m or 1h 30m, not ${quoted(text)}`);
  return seconds;
}

function readSize(key: string, text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw usage(`${key} is a size, as 500m or 10g, not ${quoted(text)}`);
  return bytes;
}
