import { Type } from "@sinclair/typebox";
import {
  byteSize,
  closed,
  exitCodes,
  flag,
  globs,
  is,
  key,
  oneOf,
  oneOrMore,
  pullKeys,
  required,
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

export const image = Type.Union(
  [
    text("an image's name"),
    Type.Object(
      {
        name: required(text("an image's name"), "With its tag or digest. Variables expand."),
        user: key(text("a user name or id"), "As the stage's `user`, which goes before it.", {
          otherwise: "the image's",
        }),
        ...pullKeys,
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
      {
        stage: required(
          text("a stage's id"),
          "Of a matrix: all its combinations, or one (`test:20:alpine`).",
        ),
        artifacts: key(flag, "Whether the stage's artifacts are put into the workspace.", { default: true }),
        optional: key(flag, "The stage may be missing.", { default: false }),
      },
      closed("a stage's id, or a map with it"),
    ),
  ],
  is("a stage's id, or a map with it"),
);

export const allowFailure = Type.Union(
  [
    flag,
    Type.Object(
      { exit_codes: required(exitCodes, "Only a script that ends with one of these is allowed to fail.") },
      closed("true, false, or a map with exit_codes"),
    ),
  ],
  is("true, false, or a map with exit_codes"),
);

export const rule = Type.Object(
  {
    if: key(
      text("a condition"),
      "A condition over variables: `==`, `!=`, `=~`, `!~`, `&&`, `||`, parentheses.",
      {
        examples: ['$CI_COMMIT_BRANCH == "main"'],
      },
    ),
    changes: key(globs, "Holds when a file that fits one of these has changed.", { examples: [["src/**"]] }),
    exists: key(globs, "Holds when the commit has a file that fits one of these.", {
      examples: [["Dockerfile"]],
    }),
    when: key(when, "The stage's `when`, if this rule decides.", { otherwise: "the stage's" }),
    variables: key(variables, "More variables for the stage, if this rule decides."),
    allow_failure: key(allowFailure, "The stage's `allow_failure`, if this rule decides.", {
      otherwise: "the stage's",
    }),
  },
  closed("a map with if, changes, exists, when, variables or allow_failure"),
);

const axis = Type.Array(scalar, { minItems: 1, maxItems: 200, description: "a list of values" });
const mostAxes = 20;
const axes = Type.Record(Type.String({ pattern: variableName }), axis, {
  ...closed(`a map of 1 to ${mostAxes} variables, each with a list of values`),
  minProperties: 1,
  maxProperties: mostAxes,
});
const combinations = Type.Record(
  Type.String({ pattern: variableName }),
  Type.Union([scalar, axis], is("a value or a list of values")),
  { ...closed(`a map of 1 to ${mostAxes} variables`), minProperties: 1, maxProperties: mostAxes },
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
        max: required(retryCount, "How many more times, after the first."),
        when: key(
          oneOrMore(oneOf(...retryCauses), `of the causes ${retryCauses.join(", ")}`),
          "After a failure of which cause.",
          { otherwise: "any", examples: [["engine", "image"]] },
        ),
        exit_codes: key(exitCodes, "After which exit codes of the script.", { otherwise: "any" }),
      },
      closed("how many more times, or a map with max"),
    ),
  ],
  is(`how many more times, 0 to ${mostRetries}, or a map with max`),
);

export const resources = Type.Object(
  {
    cpus: key(
      Type.Number({ minimum: 0.01, maximum: 1024, description: "a number of cores such as 2 or 0.5" }),
      "Processor time, in cores.",
    ),
    memory: key(byteSize, "Memory; a stage that takes more is killed, with the cause `oom`.", {
      examples: ["512m"],
    }),
    pids: key(
      wholeNumber(16, 4_194_304, "a number of processes, at least 16"),
      "Processes and threads at the same time.",
    ),
    shm_size: key(byteSize, "The size of `/dev/shm`.", { examples: ["256m"] }),
  },
  closed("a map with cpus, memory, pids or shm_size"),
);

const group = Type.String({ minLength: 1, maxLength: 255, description: "a group's name" });
export const concurrency = Type.Union(
  [
    group,
    Type.Object(
      {
        group: required(group, "What the stages that share it have in common. Variables expand.", {
          examples: ["production"],
        }),
        limit: key(
          wholeNumber(1, 1000, "how many at the same time, 1 to 1000"),
          "How many of the group run.",
          {
            default: 1,
          },
        ),
        cancel_in_progress: key(flag, "A new run cancels the older ones of other pipelines.", {
          default: false,
        }),
      },
      closed("a group's name, or a map with group"),
    ),
  ],
  is("a group's name, or a map with group"),
);

export const git = Type.Object(
  {
    depth: key(
      wholeNumber(0, 1_000_000, "a number of commits, 0 for all of them"),
      "How many commits of history the workspace's repository has.",
      { default: 1 },
    ),
    submodules: key(oneOf("none", "normal", "recursive"), "Whether submodules are filled, and theirs.", {
      default: "none",
    }),
    lfs: key(flag, "Whether files of Git LFS are fetched.", { default: false }),
  },
  closed("a map with depth, submodules or lfs"),
);
