import { RunnerError } from "../shared/errors.ts";

/** undefined: there is no such variable. */
export type Lookup = (name: string) => string | undefined;

/** As long as a trigger's variable may be, and half of what the system takes as one word of an environment. */
const longestValue = 65_536;
const longestOfAll = 1024 * 1024;

const reference = /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/**
 * `text` with `$NAME` and `${NAME}` replaced by their values, what isn't set by nothing, and `$$` by a dollar. Values are put in
 * as they are: what looks like a reference in them is none. Throws `invalid_request` when it becomes too long.
 */
export function expandText(text: string, lookup: Lookup): string {
  if (!text.includes("$")) return text;
  const parts: string[] = [];
  let length = 0;
  let at = 0;
  const add = (part: string): void => {
    length += part.length;
    if (length > longestValue) throw tooLong(`a text that begins with ${JSON.stringify(text.slice(0, 40))}`);
    parts.push(part);
  };
  for (const { 0: whole, 1: bare, 2: braced, index } of text.matchAll(reference)) {
    const name = bare ?? braced;
    add(text.slice(at, index));
    add(name === undefined ? "$" : (lookup(name) ?? ""));
    at = index + whole.length;
  }
  add(text.slice(at));
  return parts.join("");
}

/** The names that `text` refers to. */
function namesIn(text: string): ReadonlySet<string> {
  const names = [...text.matchAll(reference)].map(([, bare, braced]) => bare ?? braced);
  return new Set(names.filter((name) => name !== undefined));
}

/**
 * Variables that may refer to each other, in any order, and to what `given` knows. What leads into a circle is taken from `given`,
 * else its reference stays as it was written. Throws `invalid_request` when a value becomes too long.
 */
export function expandVariables(
  own: Readonly<Record<string, string>>,
  given: Lookup,
): Record<string, string> {
  const values = new Map<string, string>();
  let total = 0;
  const settle = (name: string, lookup: Lookup): string => {
    const value = expandText(own[name] ?? "", lookup);
    total += value.length;
    if (total > longestOfAll) throw tooLong("the values of the variables together");
    return value;
  };
  for (const name of inOrderOfUse(own)) {
    values.set(
      name,
      settle(name, (used) => values.get(used) ?? given(used)),
    );
  }
  const inCircle = Object.keys(own).filter((name) => !values.has(name));
  const outOfCircle: Lookup = (used) =>
    values.get(used) ?? given(used) ?? (Object.hasOwn(own, used) ? `$${used}` : undefined);
  const circle = inCircle.map((name) => [name, settle(name, outOfCircle)] as const);
  return Object.fromEntries([...values, ...circle]);
}

/** Each after those that it uses; without those that can't be put in such an order, since they're in a circle or use one that is. */
function inOrderOfUse(variables: Readonly<Record<string, string>>): readonly string[] {
  const usedBy = new Map<string, string[]>();
  const missing = new Map<string, number>();
  for (const [name, text] of Object.entries(variables)) {
    const used = [...namesIn(text)].filter((other) => Object.hasOwn(variables, other));
    missing.set(name, used.length);
    for (const other of used) appendTo(usedBy, other, name);
  }
  const ready = [...missing].flatMap(([name, count]) => (count === 0 ? [name] : []));
  for (const name of ready) {
    for (const user of usedBy.get(name) ?? []) {
      const left = (missing.get(user) ?? 0) - 1;
      missing.set(user, left);
      if (left === 0) ready.push(user);
    }
  }
  return ready;
}

function appendTo(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function tooLong(what: string): RunnerError {
  return new RunnerError(
    "invalid_request",
    `${what} would be longer than a variable may be once the variables in it are expanded; use fewer or shorter ones`,
  );
}
