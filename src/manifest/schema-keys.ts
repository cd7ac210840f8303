import { Type } from "@sinclair/typebox";
import {
  byteSize,
  closed,
  exitCodes,
  flag,
  globs,
  is,
  oneOf,
  oneOrMore,
  pullPolicy,
  scalar,
  text,
  variableName,
  variables,
  when,
  wholeNumber,
} from "./shapes.ts";

/** Causes of the API after which another try may help. */
const retryCauses = [
  "script",
  "timeout",
  "oom",
  "image",
  "engine",
  "service",
  "checkout",
  "artifacts",
  "disk",
] as const;

const words = oneOrMore(text("a word"), "a word or a list of words");

export const image = Type.Union(
  [
    text("an image's name"),
    Type.Object(
      {
        name: text("an image's name"),
        entrypoint: Type.Optional(words),
        user: Type.Optional(text("a user name or id")),
        pull_policy: Type.Optional(pullPolicy),
        platform: Type.Optional(text('a platform such as "linux/arm64"')),
      },
      closed("an image's name, or a map with its name"),
    ),
  ],
  is("an image's name, or a map with its name"),
);

export const need = Type.Union(
  [
    text("a stage's id"),
    Type.Object(
      { stage: text("a stage's id"), artifacts: Type.Optional(flag), optional: Type.Optional(flag) },
      closed("a stage's id, or a map with it"),
    ),
  ],
  is("a stage's id, or a map with it"),
);

export const allowFailure = Type.Union(
  [flag, Type.Object({ exit_codes: exitCodes }, closed("true, false, or a map with exit_codes"))],
  is("true, false, or a map with exit_codes"),
);

export const rule = Type.Object(
  {
    if: Type.Optional(text("a condition")),
    changes: Type.Optional(globs),
    exists: Type.Optional(globs),
    when: Type.Optional(when),
    variables: Type.Optional(variables),
    allow_failure: Type.Optional(allowFailure),
  },
  closed("a map with if, changes, exists, when, variables or allow_failure"),
);

const axis = Type.Array(scalar, { minItems: 1, maxItems: 200, description: "a list of values" });
const axes = Type.Record(Type.String({ pattern: variableName }), axis, {
  ...closed("a map of variables, each with a list of values"),
  minProperties: 1,
});
const combinations = Type.Record(
  Type.String({ pattern: variableName }),
  Type.Union([scalar, axis], is("a value or a list of values")),
  { ...closed("a map of variables"), minProperties: 1 },
);
export const matrix = Type.Union(
  [
    axes,
    Type.Array(combinations, { minItems: 1, maxItems: 200, description: "a list of maps of variables" }),
  ],
  is("a map of lists, or a list of maps"),
);

const mostRetries = 10;
const retryCount = wholeNumber(0, mostRetries, `how many more times, 0 to ${mostRetries}`);
export const retry = Type.Union(
  [
    retryCount,
    Type.Object(
      {
        max: retryCount,
        when: Type.Optional(oneOrMore(oneOf(...retryCauses), `of the causes ${retryCauses.join(", ")}`)),
        exit_codes: Type.Optional(exitCodes),
      },
      closed("how many more times, or a map with max"),
    ),
  ],
  is("how many more times, or a map with max"),
);

export const resources = Type.Object(
  {
    cpus: Type.Optional(
      Type.Number({ minimum: 0.01, maximum: 1024, description: "a number of cores such as 2 or 0.5" }),
    ),
    memory: Type.Optional(byteSize),
    pids: Type.Optional(wholeNumber(1, 4_194_304, "a number of processes")),
    shm_size: Type.Optional(byteSize),
  },
  closed("a map with cpus, memory, pids or shm_size"),
);

const group = Type.String({ minLength: 1, maxLength: 255, description: "a group's name" });
export const concurrency = Type.Union(
  [
    group,
    Type.Object(
      {
        group,
        limit: Type.Optional(wholeNumber(1, 1000, "how many at the same time, 1 to 1000")),
        cancel_in_progress: Type.Optional(flag),
      },
      closed("a group's name, or a map with group"),
    ),
  ],
  is("a group's name, or a map with group"),
);

export const git = Type.Object(
  {
    depth: Type.Optional(wholeNumber(0, 1_000_000, "a number of commits, 0 for all of them")),
    submodules: Type.Optional(oneOf("none", "normal", "recursive")),
    lfs: Type.Optional(flag),
  },
  closed("a map with depth, submodules or lfs"),
);
