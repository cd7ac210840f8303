import { CloneType, Type, type TSchema } from "@sinclair/typebox";

/*
 * What the keys of the schema are made of. A `description` ends the sentence "must be …" of an error; what a key is
 * for, which editors and docs/manifest.md show, is said where the key is named.
 */

const longestScript = 10_000;
const mostVariables = 1000;

/** What is said of a key, beside its form. */
export interface Told {
  /** What holds where the key isn't set. */
  readonly default?: unknown;
  /** The same in words, where it isn't one value. */
  readonly otherwise?: string;
  readonly examples?: readonly unknown[];
}

/** A key that may be left out. `about`: a sentence or two, in Markdown. */
export function key<T extends TSchema>(schema: T, about: string, told: Told = {}) {
  return Type.Optional(required(schema, about, told));
}

/** A key that its map can't do without. */
export function required<T extends TSchema>(schema: T, about: string, told: Told = {}): T {
  return CloneType(schema, { about, ...told });
}

export const is = (description: string) => ({ description });
export const text = (description: string) => Type.String({ minLength: 1, description });
export const closed = (description: string) => ({ additionalProperties: false, description });
export const flag = Type.Boolean(is("true or false"));

export const variableName = "^[A-Za-z_][A-Za-z0-9_]*$";

const command = Type.String({ description: "a command, a string" });
/** YAML anchors make lists in lists: they are one list. */
export type Commands = string | readonly Commands[];

export const commands = Type.Unsafe<Commands>(
  Type.Union([command, listOfCommands(10)], is("a command or a list of commands")),
);

function listOfCommands(levels: number): TSchema {
  const entry =
    levels === 1 ? command : Type.Union([command, listOfCommands(levels - 1)], is("a command, a string"));
  return Type.Array(entry, {
    maxItems: longestScript,
    description: `a list of at most ${longestScript} commands`,
  });
}

export const duration = Type.String({
  pattern: String.raw`^\d{1,9}[smhd]( ?\d{1,9}[smhd])*$`,
  description: 'a duration such as "90s", "15m" or "1h 30m"',
});

export const byteSize = Type.String({
  pattern: String.raw`^\d{1,12}(\.\d{1,3})?[bkmgtBKMGT]?$`,
  description: 'a size such as "512m" or "2g"',
});

export const globs = Type.Array(text("a path or glob relative to the workspace"), {
  minItems: 1,
  maxItems: 1000,
  description: "a list of paths or globs",
});

export const oneOf = <T extends string>(...values: T[]) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    is(`one of ${values.join(", ")}`),
  );

export const wholeNumber = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description });

export const exitCodes = Type.Array(wholeNumber(0, 255, "an exit code, 0 to 255"), {
  minItems: 1,
  description: "a list of exit codes",
});

/** One, or a list of them. */
export const oneOrMore = <T extends TSchema>(one: T, description: string) =>
  Type.Union([one, Type.Array(one, { minItems: 1, description })], is(description));

export const scalar = Type.Union(
  [Type.String(), Type.Number(), Type.Boolean()],
  is("a string, a number or a boolean"),
);

export const variables = Type.Record(Type.String({ pattern: variableName }), scalar, {
  ...closed(`a map of at most ${mostVariables} variables`),
  maxProperties: mostVariables,
});

export const when = oneOf("on_success", "on_failure", "always", "never");
export const outcomeWhen = oneOf("on_success", "on_failure", "always");

/** Of every image, a stage's or a service's. */
export const pullKeys = {
  pull_policy: key(oneOf("if_not_present", "always", "never"), "When the image is pulled.", {
    default: "if_not_present",
  }),
  platform: key(text('a platform such as "linux/arm64"'), "Which of the image's variants.", {
    otherwise: "the engine's own",
    examples: ["linux/arm64"],
  }),
};
