import type { Item } from "./tree.ts";

/* From an item of the input to a value of the manifest; what doesn't fit is noted where it stands. */

export function textIn(item: Item): string | undefined {
  item.tree.take(item.spot);
  const { text } = item;
  if (text !== undefined && text !== "") return text;
  return item.leave("a text is expected here");
}

/** One text, or a list of them, lists in it unfolded; undefined when there is none. */
export function textsIn(item: Item): string[] | undefined {
  item.tree.take(item.spot);
  if (item.value === null) return undefined;
  const texts = item
    .list()
    .flatMap((one) => (one.text === undefined ? (one.leave("a text is expected here"), []) : [one.text]));
  return texts.length > 0 ? texts : undefined;
}

export function flagIn(item: Item): boolean | undefined {
  item.tree.take(item.spot);
  return typeof item.value === "boolean" ? item.value : item.leave("true or false is expected here");
}

export function countIn(item: Item, most: number): number | undefined {
  item.tree.take(item.spot);
  const { value } = item;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) return value;
  return item.leave(`a whole number up to ${most} is expected here`);
}

/** One of these words, or its equal. */
export function wordIn<T extends string>(item: Item, words: Readonly<Record<string, T>>): T | undefined {
  item.tree.take(item.spot);
  const { text = "" } = item;
  if (Object.hasOwn(words, text)) return words[text];
  return item.leave(`"${text}" has no equal; there are ${[...new Set(Object.values(words))].join(", ")}`);
}

export function sameWords<T extends string>(...words: readonly T[]): Readonly<Record<T, T>> {
  const entries = words.map((word) => [word, word] as const);
  return Object.assign({}, ...entries.map(([key, value]) => ({ [key]: value })));
}

/** Globs relative to the workspace; others are noted. */
export function globsIn(item: Item): string[] | undefined {
  const texts = textsIn(item) ?? [];
  const inside = texts.filter((text) => {
    const isInside =
      text !== "" && !text.startsWith("/") && !text.startsWith("~") && !text.split("/").includes("..");
    if (!isInside)
      item.tree.note(item, text, "it lies outside of the workspace; a path here is relative to it");
    return isInside;
  });
  return inside.length > 0 ? inside : undefined;
}

export function variablesIn(item: Item): Record<string, string> | undefined {
  item.tree.take(item.spot);
  const found: Record<string, string> = {};
  for (const child of item.children()) {
    const value = valueOf(child);
    if (value === undefined) continue;
    if (isVariableName(child.key)) found[child.key] = value;
    else child.leave("it can't be the name of a variable: letters, digits and _");
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

function valueOf(item: Item): string | undefined {
  item.tree.take(item.spot);
  if (item.value === null) return "";
  if (!item.isMap) return item.text ?? item.leave("a variable's value is a text");
  const value = item.take("value");
  if (value?.text === undefined) return item.leave("it has no value of its own; give it with the trigger");
  return value.text;
}

export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== "__proto__";
}

/** An alias as a service may have it. */
export function isHostName(name: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name);
}

/** "90", "1h 30m", "3 hours 20 minutes", "1 week", "6 mos and 1 day" as "1h 30m"; undefined when it's no such time. */
export function durationOf(text: string): string | undefined {
  if (!/^\s*(?:\d+(?:\.\d+)?\s*[a-z]*(?:\s+and\s+|[\s,]*))+$/i.test(text.slice(0, 200)) || text.length > 200)
    return undefined;
  let seconds = 0;
  for (const [, count, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)/gi)) {
    if (unit.toLowerCase() === "and") return undefined;
    const length = unitSeconds.find(([pattern]) => pattern.test(unit))?.[1];
    if (length === undefined) return undefined;
    seconds += Number(count) * length;
  }
  return seconds >= 1 ? formatSeconds(Math.round(Math.min(seconds, 366 * 86_400))) : undefined;
}

const unitSeconds: readonly (readonly [RegExp, number])[] = [
  [/^$|^s(ec(ond)?s?)?$/i, 1],
  [/^m(in(ute)?s?)?$/i, 60],
  [/^h((ou)?rs?)?$/i, 3600],
  [/^d(ays?)?$/i, 86_400],
  [/^w((ee)?ks?)?$/i, 7 * 86_400],
  [/^mo(nth)?s?$/i, 30 * 86_400],
  [/^y((ea)?rs?)?$/i, 365 * 86_400],
];

function formatSeconds(seconds: number): string {
  const parts: string[] = [];
  let left = seconds;
  for (const [unit, length] of [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ] as const) {
    const count = Math.floor(left / length);
    if (count > 0) parts.push(`${count}${unit}`);
    left -= count * length;
  }
  return parts.join(" ");
}

/** What `convert` makes of the value under a key; undefined when there is none. */
export function under<T>(item: Item, key: string, convert: (value: Item) => T | undefined): T | undefined {
  const value = item.take(key);
  return value === undefined ? undefined : convert(value);
}

/** Keys that have no equal, each with what to do instead. */
export function leaveKeys(item: Item, keys: Readonly<Record<string, string>>, prefix = ""): void {
  for (const [key, instead] of Object.entries(keys)) item.take(key)?.leave(instead, `${prefix}${key}`);
}

/** Without the keys that have no value; undefined when none is left. */
export function filled(keys: Record<string, unknown>): Record<string, unknown> | undefined {
  const entries = Object.entries(keys).filter(([, value]) => value !== undefined);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

export function orNone<T>(list: readonly T[]): T[] | undefined {
  return list.length > 0 ? [...list] : undefined;
}
