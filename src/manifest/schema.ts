import { Type, type Static, type TSchema } from "@sinclair/typebox";
import { artifacts, cache } from "./schema-files.ts";
import {
  allowFailure,
  concurrency,
  git,
  image,
  matrix,
  need,
  resources,
  retry,
  rule,
} from "./schema-keys.ts";
import { secrets, services } from "./schema-services.ts";
import {
  closed,
  commands,
  duration,
  exitCodes,
  globs,
  is,
  oneOf,
  oneOrMore,
  text,
  variables,
  when,
} from "./shapes.ts";

/*
 * The one definition of the manifest's shape: what validates, what `gitfoss-ci-runner schema` prints and what the
 * reference in docs/manifest.md is made of.
 */

/** A template's id begins with a dot. */
export const stageIdPattern = String.raw`^\.?[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`;
export const mostStages = 500;

const sharedKeys = {
  image: Type.Optional(image),
  script: Type.Optional(commands),
  before_script: Type.Optional(commands),
  after_script: Type.Optional(commands),
  shell: Type.Optional(text("a shell's name or path")),
  variables: Type.Optional(variables),
  secrets: Type.Optional(secrets),
  working_directory: Type.Optional(text("a folder relative to the workspace")),
  user: Type.Optional(text("a user name or id")),
  rules: Type.Optional(Type.Array(rule, { maxItems: 100, description: "a list of rules" })),
  when: Type.Optional(when),
  inputs: Type.Optional(globs),
  matrix: Type.Optional(matrix),
  services: Type.Optional(services),
  cache: Type.Optional(cache),
  artifacts: Type.Optional(artifacts),
  timeout: Type.Optional(duration),
  retry: Type.Optional(retry),
  allow_failure: Type.Optional(allowFailure),
  success_exit: Type.Optional(exitCodes),
  resources: Type.Optional(resources),
  network: Type.Optional(oneOf("default", "none")),
  concurrency: Type.Optional(concurrency),
  git: Type.Optional(git),
};

const defaultsSchema = Type.Object(sharedKeys, closed("a map of stage keys"));
export const stageSchema = Type.Object(
  {
    ...sharedKeys,
    needs: Type.Optional(Type.Array(need, is("a list of stages"))),
    extends: Type.Optional(oneOrMore(text("a stage's or template's name"), "a name or a list of names")),
  },
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
