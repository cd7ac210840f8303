import { availableParallelism } from "node:os";
import { defaultConfig } from "../../store/config.ts";
import { usage, type Arguments, type Environment, type Flag } from "../arguments.ts";
import type { ColourChoice } from "../colour.ts";
import { readWholeNumber } from "../numbers.ts";
import { quoted } from "../printable.ts";
import { readSecretSources, type SecretSource } from "../secret-sources.ts";
import { stateDirFlag } from "../state-folder.ts";

export const execFlags = {
  jobs: { kind: "text", short: "j", value: "N", about: "how many stages side by side (default: cores)" },
  ref: { kind: "text", value: "REF", about: "a commit, not the working tree as it is" },
  env: {
    kind: "list",
    short: "e",
    value: "K=V",
    about: "a variable (repeatable); K: from the environment",
  },
  secret: {
    kind: "list",
    value: "K",
    about: "from the environment, K=@FILE: a file (repeatable)",
  },
  pull: { kind: "boolean", about: "pull every image, present or not" },
  "no-reuse": { kind: "boolean", about: "run stages whose inputs are unchanged, too" },
  artifacts: { kind: "text", value: "DIR", about: "copy each stage's artifacts to DIR/<stage>/" },
  "default-image": {
    kind: "text",
    value: "IMAGE",
    about: `for stages without one (${defaultConfig.defaultImage})`,
  },
  grace: { kind: "text", value: "SECONDS", about: `between TERM and KILL (default: ${defaultConfig.grace})` },
  "no-cache": { kind: "boolean", about: "neither restore nor save caches" },
  "state-dir": { ...stateDirFlag, about: "the state folder, for what runs leave" },
  list: { kind: "boolean", about: "show the stages, run nothing" },
  json: { kind: "boolean", about: "with --list: one JSON object" },
  progress: { kind: "text", value: "FORM", about: "plain (default), quiet: the summary alone, json" },
  color: { kind: "text", value: "WHEN", about: "auto (default), always, never" },
} as const satisfies Readonly<Record<string, Flag>>;

export type Progress = "plain" | "quiet" | "json";

export interface ExecOptions {
  /** As the user named it; undefined: to be found. */
  readonly manifest: string | undefined;
  /** None: all. */
  readonly stages: readonly string[];
  readonly jobs: number;
  readonly ref: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /** Where each is to be read from. */
  readonly secrets: readonly SecretSource[];
  readonly pull: boolean;
  readonly reuse: boolean;
  readonly artifacts: string | undefined;
  readonly defaultImage: string;
  readonly graceSeconds: number;
  readonly noCache: boolean;
  readonly stateDir: string | undefined;
  readonly list: boolean;
  readonly json: boolean;
  readonly progress: Progress;
  readonly colour: ColourChoice;
}

/** Throws `usage`. */
export function readExecOptions(args: Arguments<typeof execFlags>, environment: Environment): ExecOptions {
  const json = args.is("json");
  if (json && !args.is("list"))
    throw usage("--json goes with --list; the progress as JSON is --progress=json");
  return {
    ...readOperands(args.operands),
    jobs: readWholeNumber("--jobs", args.text("jobs"), { least: 1, most: 1000 }) ?? availableParallelism(),
    ref: args.text("ref"),
    variables: readVariables(args.list("env"), environment),
    secrets: readSecretSources(args.list("secret"), environment),
    pull: args.is("pull"),
    reuse: !args.is("no-reuse"),
    artifacts: args.text("artifacts"),
    defaultImage: args.text("default-image") ?? defaultConfig.defaultImage,
    graceSeconds:
      readWholeNumber("--grace", args.text("grace"), { least: 0, most: 3600 }) ?? defaultConfig.grace,
    noCache: args.is("no-cache"),
    stateDir: args.text("state-dir"),
    list: args.is("list"),
    json,
    progress: oneOf("--progress", args.text("progress"), ["plain", "quiet", "json"]),
    colour: oneOf("--color", args.text("color"), ["auto", "always", "never"]),
  };
}

/** The first word is the manifest when it has a "/" or ends in .yml or .yaml, else a stage. What lies on disk plays no part. */
function readOperands(operands: readonly string[]): Pick<ExecOptions, "manifest" | "stages"> {
  const [first, ...rest] = operands;
  if (first === "") throw usage("the first argument is empty; it is a manifest or a stage");
  const isManifest = first !== undefined && looksLikeManifest(first);
  return isManifest ? { manifest: first, stages: rest } : { manifest: undefined, stages: operands };
}

function looksLikeManifest(word: string): boolean {
  return word.includes("/") || /\.ya?ml$/i.test(word);
}

/** `K=V`, or `K` for the value that it has in our own environment. */
function readVariables(given: readonly string[], environment: Environment): Record<string, string> {
  return Object.fromEntries(given.map((text) => readVariable(text, environment)));
}

function readVariable(text: string, environment: Environment): [string, string] {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw usage(`--env: ${quoted(name)} can't be a variable's name: letters, digits and _, no digit first`);
  }
  if (equals !== -1) return [name, text.slice(equals + 1)];
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (value === undefined)
    throw usage(`--env ${name}: the environment has no such variable; set it, or give ${name}=VALUE`);
  return [name, value];
}

/** The first of `words` is the default. */
function oneOf<const W extends string>(
  flag: string,
  text: string | undefined,
  words: readonly [W, ...W[]],
): W {
  if (text === undefined) return words[0];
  const word = words.find((known) => known === text);
  if (word === undefined) throw usage(`${flag} is one of ${words.join(", ")}, not ${quoted(text)}`);
  return word;
}
