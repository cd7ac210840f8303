import { nearest } from "../manifest/suggest.ts";
import { RunnerError } from "../shared/errors.ts";
import { quoted } from "./printable.ts";

/** One flag of a command, written `--name`. A `list` may be given again and again; the others once. */
export interface Flag {
  readonly kind: "boolean" | "text" | "list";
  /** For the help: a few words, with the default. */
  readonly about: string;
  /** For the help: what the value is called, "N". */
  readonly value?: string;
  /** One letter, written `-j`. */
  readonly short?: string;
  /** What stands between the values of a list in its environment variable; default: a line end. */
  readonly separator?: string;
}

export type Flags = Readonly<Record<string, Flag>>;
export type Environment = Readonly<Record<string, string | undefined>>;

type NamesOf<F extends Flags, K extends Flag["kind"]> = {
  [Name in keyof F & string]: F[Name] extends { readonly kind: K } ? Name : never;
}[keyof F & string];

/** A command line that holds only what the command knows. */
export class Arguments<F extends Flags> {
  /** The words that are no flags, in order. */
  readonly operands: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(operands: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.operands = operands;
    this.#values = values;
  }

  is(name: NamesOf<F, "boolean">): boolean {
    return this.#values.get(name)?.at(-1) === "true";
  }

  text(name: NamesOf<F, "text">): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  list(name: NamesOf<F, "list">): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/** The environment variable that stands for a flag: `GITFOSS_RUNNER_STATE_DIR` for `--state-dir`. */
export function variableOf(flagName: string): string {
  return `GITFOSS_RUNNER_${flagName.toUpperCase().replaceAll("-", "_")}`;
}

/** True when help is asked for; it is shown even when the rest of the command line is wrong. */
export function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).some((word) => word === "--help" || word === "-h");
}

/** Reads a command line, then the environment for the flags it doesn't hold. Throws `usage`. */
export function parseArguments<F extends Flags>(
  flags: F,
  argv: readonly string[],
  environment: Environment,
): Arguments<F> {
  const { operands, values } = readWords(flags, argv);
  for (const [name, flag] of Object.entries(flags)) {
    const text = environment[variableOf(name)];
    if (values.has(name) || text === undefined || text === "") continue;
    values.set(name, readVariable(name, flag, text));
  }
  return new Arguments(operands, values);
}

function readWords(flags: Flags, argv: readonly string[]) {
  const operands: string[] = [];
  const values = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") return { operands: [...operands, ...argv.slice(index + 1)], values };
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      continue;
    }
    const { name, inline, flag } = readFlag(flags, word);
    const takesNext = inline === undefined && flag.kind !== "boolean";
    if (takesNext) index++;
    keep(values, flag, { name, text: takesNext ? valueOf(name, flag, argv[index]) : (inline ?? "true") });
  }
  return { operands, values };
}

function keep(values: Map<string, string[]>, flag: Flag, given: { name: string; text: string }): void {
  const text = flag.kind === "boolean" ? readBoolean(`--${given.name}`, given.text) : given.text;
  const before = values.get(given.name) ?? [];
  if (flag.kind !== "list" && before.length > 0) throw usage(`--${given.name} is given twice`);
  values.set(given.name, [...before, text]);
}

interface GivenFlag {
  readonly name: string;
  readonly flag: Flag;
  /** What stands in the same word. */
  readonly inline: string | undefined;
}

function readFlag(flags: Flags, word: string): GivenFlag {
  return word.startsWith("--") ? readLongFlag(flags, word) : readShortFlag(flags, word);
}

function readLongFlag(flags: Flags, word: string): GivenFlag {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals === -1 ? undefined : equals);
  const inline = equals === -1 ? undefined : word.slice(equals + 1);
  const flag = ownFlag(flags, name);
  if (flag !== undefined) return { name, flag, inline };

  const positive = name.startsWith("no-") ? name.slice(3) : "";
  const negated = ownFlag(flags, positive);
  if (negated?.kind === "boolean" && inline === undefined)
    return { name: positive, flag: negated, inline: "false" };
  throw unknown(
    "flag",
    `--${name}`,
    [...Object.keys(flags), "help"].map((known) => `--${known}`),
  );
}

function readShortFlag(flags: Flags, word: string): GivenFlag {
  const letter = word.slice(1, 2);
  const [name, flag] = Object.entries(flags).find(([, known]) => known.short === letter) ?? [];
  if (name === undefined || flag === undefined) throw unknown("flag", word, shortsOf(flags));
  const rest = word.slice(2);
  if (flag.kind === "boolean" && rest !== "") throw unknown("flag", word, shortsOf(flags));
  return { name, flag, inline: rest === "" ? undefined : rest };
}

function shortsOf(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, flag]) =>
    flag.short === undefined ? [] : [`-${flag.short}`, `--${name}`],
  );
}

function ownFlag(flags: Flags, name: string): Flag | undefined {
  return Object.hasOwn(flags, name) ? flags[name] : undefined;
}

function valueOf(name: string, flag: Flag, next: string | undefined): string {
  const placeholder = flag.value ?? "VALUE";
  if (next === undefined) throw usage(`--${name} needs a value: --${name}=${placeholder}`);
  if (next.startsWith("-") && next !== "-") {
    throw usage(`--${name} needs a value; one that begins with a dash is written --${name}=${placeholder}`);
  }
  return next;
}

function readVariable(name: string, flag: Flag, text: string): string[] {
  if (flag.kind === "list") return text.split(flag.separator ?? "\n").filter((part) => part !== "");
  return [flag.kind === "boolean" ? readBoolean(variableOf(name), text) : text];
}

function readBoolean(where: string, text: string): string {
  if (text === "true" || text === "1") return "true";
  if (text === "false" || text === "0") return "false";
  throw usage(`${where} is true or false, not ${quoted(text)}`);
}

/** The error for a word that isn't one of `known`; names the nearest. */
export function unknown(
  what: "flag" | "command" | "key",
  word: string,
  known: readonly string[],
): RunnerError {
  const suggestion = nearest(word.slice(0, 64), known);
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return usage(`unknown ${what} ${quoted(word)}${hint}`);
}

export function usage(message: string): RunnerError {
  return new RunnerError("usage", message);
}
