import { isAbsolute } from "node:path";
import { isRecord } from "../events/shape.ts";
import { nearest } from "../manifest/suggest.ts";
import type { Ceiling } from "../plan/ceiling.ts";
import type { InputError } from "../shared/errors.ts";
import type { Config, Registration } from "./config.ts";

interface Rule {
  readonly holds: (value: unknown) => boolean;
  /** Completes `"key" must be …`. */
  readonly expected: string;
}

const wholeNumber = (least: number, most: number, unit: string): Rule => ({
  holds: (value) => typeof value === "number" && Number.isInteger(value) && value >= least && value <= most,
  expected: `${unit}, a whole number from ${least} to ${most}`,
});
const line: Rule = {
  holds: (value) => typeof value === "string" && value !== "" && !/\p{Cc}/u.test(value),
  expected: "a line of text",
};
const lineOrNothing: Rule = {
  holds: (value) => value === "" || line.holds(value),
  expected: "a line of text, empty without a forge",
};

const concurrency = wholeNumber(1, 10_000, "how many stages run side by side");
const exitCode = wholeNumber(0, 255, "an exit code");

/** With less no stage starts. */
const leastMemory = 6 * 2 ** 20;
const leastPids = 16;

const ceilingHolds: Readonly<Record<keyof Ceiling, (limit: number) => boolean>> = {
  cpus: (cpus) => cpus >= 0.01 && cpus <= 10_000,
  memory: (bytes) => Number.isSafeInteger(bytes) && bytes >= leastMemory,
  pids: (count) => Number.isSafeInteger(count) && count >= leastPids,
};

function isCeiling(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const known: Readonly<Record<string, (limit: number) => boolean>> = ceilingHolds;
  return Object.entries(value).every(
    ([key, limit]) => Object.hasOwn(known, key) && typeof limit === "number" && known[key]?.(limit) === true,
  );
}

const rules: Readonly<Record<keyof Config, Rule>> = {
  version: { holds: (value) => value === 1, expected: "1; a newer runner wrote this file, use that one" },
  registration: {
    holds: (value) => value === null || isRecord(value),
    expected: "null, or an object as `register` writes it",
  },
  repoRoots: {
    holds: (value) =>
      Array.isArray(value) && value.every((root) => line.holds(root) && isAbsolute(String(root))),
    expected: "a list of absolute folders",
  },
  defaultImage: { holds: line.holds, expected: 'the name of an image, such as "alpine:latest"' },
  defaultTimeout: wholeNumber(1, 31_536_000, "seconds"),
  successExit: {
    holds: (value) => Array.isArray(value) && value.length > 0 && value.every(exitCode.holds),
    expected: "a list of one or more exit codes from 0 to 255, such as [0]",
  },
  concurrency: {
    holds: (value) => value === null || concurrency.holds(value),
    expected: `null for as many as the machine has cores, or ${concurrency.expected}`,
  },
  queueLimit: wholeNumber(1, 1_000_000, "how many runs may wait"),
  grace: wholeNumber(0, 86_400, "seconds"),
  ceiling: {
    holds: (value) => value === null || isCeiling(value),
    expected:
      'null for none, or limits such as {"cpus": 2, "memory": 4294967296, "pids": 1024}, memory in bytes',
  },
  cacheLimit: wholeNumber(1, Number.MAX_SAFE_INTEGER, "bytes"),
};

const registrationRules: Readonly<Record<keyof Registration, Rule>> = {
  id: line,
  url: lineOrNothing,
  forge: lineOrNothing,
  token: { holds: line.holds, expected: "the runner's token" },
  registeredAt: {
    holds: (value) =>
      typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)),
    expected: 'a time such as "2026-01-31T12:00:00.000Z"',
  },
};

/** A configuration from JSON: absent keys are taken from `defaults`. All that is wrong with it is said at once. */
export function checkConfig(
  value: unknown,
  defaults: Config,
): { readonly config: Config } | { readonly errors: readonly InputError[] } {
  if (!isRecord(value)) return { errors: [{ path: "", message: "the configuration must be a JSON object" }] };
  const errors = [...keyErrors(value, rules, "")];
  const { registration } = value;
  if (isRecord(registration)) errors.push(...registrationErrors(registration));
  if (errors.length > 0) return { errors };
  const merged: unknown = { ...defaults, ...value };
  return isConfig(merged)
    ? { config: merged }
    : { errors: [{ path: "", message: "the configuration is invalid" }] };
}

function isConfig(value: unknown): value is Config {
  return isRecord(value) && Object.entries(rules).every(([key, rule]) => rule.holds(value[key]));
}

function registrationErrors(registration: Readonly<Record<string, unknown>>): readonly InputError[] {
  const absent = Object.keys(registrationRules).filter((key) => !Object.hasOwn(registration, key));
  const missing = absent.map((key) => ({
    path: `registration.${key}`,
    message: `"registration.${key}" is missing`,
  }));
  return [...keyErrors(registration, registrationRules, "registration."), ...missing];
}

function keyErrors(
  value: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, Rule>>,
  prefix: string,
): readonly InputError[] {
  return Object.entries(value).flatMap(([key, given]) => {
    const path = prefix + key;
    const rule = Object.hasOwn(known, key) ? known[key] : undefined;
    if (rule === undefined) return [{ path, message: unknownKey(path, key, prefix, Object.keys(known)) }];
    if (rule.holds(given)) return [];
    return [
      { path, message: `"${path}" must be ${rule.expected}${prefix === "" ? notThis(key, given) : ""}` },
    ];
  });
}

function unknownKey(path: string, key: string, prefix: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return `unknown key ${JSON.stringify(path)}${near === undefined ? "" : `; did you mean "${prefix}${near}"?`}`;
}

/** What stands in `registration` may be a secret and is never repeated. */
function notThis(key: string, given: unknown): string {
  if (key === "registration") return "";
  const shown = JSON.stringify(given) ?? "nothing";
  return `, not ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}`;
}
