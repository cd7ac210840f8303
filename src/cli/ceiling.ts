import type { Ceiling } from "../plan/ceiling.ts";
import { parseBytes } from "../shared/bytes.ts";
import { unknown, usage } from "./arguments.ts";
import { readWholeNumber } from "./numbers.ts";
import { quoted } from "./printable.ts";

const readers = {
  cpus: (text: string): number => {
    const cpus = /^\d{1,4}(\.\d{1,2})?$/.test(text) ? Number(text) : 0;
    if (cpus < 0.01) throw usage(`ceiling cpus is a number of cores, as 2 or 0.5, not ${quoted(text)}`);
    return cpus;
  },
  memory: (text: string): number => {
    const bytes = parseBytes(text);
    if (bytes === undefined) throw usage(`ceiling memory is a size, as 512m or 4g, not ${quoted(text)}`);
    return bytes;
  },
  pids: (text: string): number => readWholeNumber("ceiling pids", text, { least: 16, most: 4_194_304 }) ?? 16,
} as const;

/** "cpus=2 memory=4g pids=1024", in any order, each at will; or "none". */
export function readCeiling(words: readonly string[]): Ceiling | null {
  const [first] = words;
  if (words.length === 1 && (first === "none" || first === "null")) return null;
  let ceiling: Ceiling = {};
  for (const word of words) {
    const [key = "", value = ""] = splitOnce(word);
    if (!isKey(key)) throw unknown("key", key, Object.keys(readers));
    ceiling = { ...ceiling, [key]: readers[key](value) };
  }
  return ceiling;
}

function splitOnce(word: string): readonly string[] {
  const at = word.indexOf("=");
  if (at <= 0) throw usage(`ceiling takes cpus=N, memory=SIZE and pids=N, or none, not ${quoted(word)}`);
  return [word.slice(0, at), word.slice(at + 1)];
}

function isKey(key: string): key is keyof typeof readers {
  return Object.hasOwn(readers, key);
}
