import { formatBytes } from "../../shared/bytes.ts";
import { formatDuration } from "../../shared/duration.ts";
import type { CacheEntry, CacheIdentity } from "../../store/cache/entry.ts";

/* What the log says of caches: one line each, that explains itself. */

const longestShown = 120;

/** A key as it's shown: it may come from a repository. */
export function shownKey(key: string): string {
  const short = key.length > longestShown ? `${key.slice(0, longestShown)}…` : key;
  return /[\p{Cc}\u2028\u2029]/u.test(short) ? JSON.stringify(short) : short;
}

export function placeOf({ key, scope }: Pick<CacheIdentity, "key" | "scope">): string {
  return scope === "" ? shownKey(key) : `${shownKey(key)} (branch ${shownKey(scope)})`;
}

export function hitLine(entry: CacheEntry, now: number, tookSeconds: number): string {
  const age = ageOf((now - Date.parse(entry.savedAt)) / 1000);
  const facts = [`saved ${age} ago`, formatBytes(entry.storedBytes), `in ${formatDuration(tookSeconds)}`];
  return `cache: restored ${placeOf(entry)}, ${facts.join(", ")}`;
}

export function missLine(key: string, tried: readonly CacheIdentity[]): string {
  if (tried.length === 0)
    return `cache: nothing for ${shownKey(key)}; without a branch only the default one's are read, and it isn't known here`;
  return `cache: nothing for ${shownKey(key)}; tried ${tried.map(placeOf).join(", ")}`;
}

export function savedLine(identity: CacheIdentity, bytes: number, tookSeconds: number): string {
  return `cache: saved ${placeOf(identity)}, ${formatBytes(bytes)}, in ${formatDuration(tookSeconds)}`;
}

export function notSavedLine(key: string, why: string): string {
  return `cache: ${shownKey(key)} isn't saved: ${why}`;
}

function ageOf(seconds: number): string {
  const [unit = "s", size = 1] = ageUnits.find(([, length]) => seconds >= length) ?? [];
  return `${String(Math.max(0, Math.floor(seconds / size)))}${unit}`;
}

const ageUnits = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
] as const;
