import { Type, type Static, type TSchema } from "@sinclair/typebox";

/*
 * The one definition of the manifest's shape. `description` ends the sentence "must be …" of an error and is what an
 * editor shows.
 */

export const stageIdPattern = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$";
const variablePattern = "^[A-Za-z_][A-Za-z0-9_]*$";
export const mostStages = 500;
const longestScript = 10_000;

const is = (description: string) => ({ description });
const text = (description: string) => Type.String({ minLength: 1, description });
const closed = (description: string) => ({ additionalProperties: false, description });

const command = Type.String({ description: "a command, a string" });
/** YAML anchors make lists in lists: they are one list. */
export type Commands = string | readonly Commands[];

const commands = Type.Unsafe<Commands>(
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
const duration = Type.String({
  pattern: String.raw`^\d{1,9}[smhd]( ?\d{1,9}[smhd])*$`,
  description: 'a duration such as "90s", "15m" or "1h 30m"',
});
const globs = Type.Array(text("a path or glob relative to the workspace"), {
  minItems: 1,
  description: "a list of paths or globs",
});
const condition = <T extends string>(...values: T[]) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    is(`one of ${values.join(", ")}`),
  );

const image = Type.Union(
  [
    text("an image's name"),
    Type.Object(
      {
        name: text("an image's name"),
        pull_policy: Type.Optional(condition("if_not_present", "always", "never")),
        platform: Type.Optional(text('a platform such as "linux/arm64"')),
        user: Type.Optional(text("a user name or id")),
      },
      closed("an image's name, or a map with its name"),
    ),
  ],
  is("an image's name, or a map with its name"),
);

const variables = Type.Record(
  Type.String({ pattern: variablePattern }),
  Type.Union([Type.String(), Type.Number(), Type.Boolean()], is("a string, a number or a boolean")),
  closed("a map of variables"),
);

const need = Type.Union(
  [
    text("a stage's id"),
    Type.Object(
      {
        stage: text("a stage's id"),
        artifacts: Type.Optional(Type.Boolean(is("true or false"))),
        optional: Type.Optional(Type.Boolean(is("true or false"))),
      },
      closed("a stage's id, or a map with it"),
    ),
  ],
  is("a stage's id, or a map with it"),
);

const artifacts = Type.Object(
  {
    paths: globs,
    exclude: Type.Optional(globs),
    when: Type.Optional(condition("on_success", "on_failure", "always")),
  },
  closed("a map with paths"),
);

const sharedKeys = {
  image: Type.Optional(image),
  script: Type.Optional(commands),
  before_script: Type.Optional(commands),
  after_script: Type.Optional(commands),
  shell: Type.Optional(text("a shell's name or path")),
  variables: Type.Optional(variables),
  working_directory: Type.Optional(text("a folder relative to the workspace")),
  user: Type.Optional(text("a user name or id")),
  when: Type.Optional(condition("on_success", "on_failure", "always", "never")),
  timeout: Type.Optional(duration),
  success_exit: Type.Optional(
    Type.Array(Type.Integer({ minimum: 0, maximum: 255, description: "an exit code, 0 to 255" }), {
      minItems: 1,
      description: "a list of exit codes",
    }),
  ),
  allow_failure: Type.Optional(Type.Boolean(is("true or false"))),
  artifacts: Type.Optional(artifacts),
  git: Type.Optional(
    Type.Object(
      {
        depth: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 1_000_000,
            description: "a number of commits, 0 for all of them",
          }),
        ),
      },
      closed("a map with depth"),
    ),
  ),
};

const defaultsSchema = Type.Object(sharedKeys, closed("a map of stage keys"));
export const stageSchema = Type.Object(
  { ...sharedKeys, needs: Type.Optional(Type.Array(need, is("a list of stages"))) },
  closed("a map of stage keys"),
);
export const manifestSchema = Type.Object(
  {
    default: Type.Optional(defaultsSchema),
    variables: Type.Optional(variables),
    stages: Type.Record(Type.String({ pattern: stageIdPattern }), stageSchema, {
      additionalProperties: false,
      minProperties: 1,
      maxProperties: mostStages,
      description: `a map of 1 to ${mostStages} stages`,
    }),
  },
  closed("a map with stages"),
) satisfies TSchema;

export type ManifestStage = Static<typeof stageSchema>;
