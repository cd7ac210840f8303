import { Type, type Static, type TSchema } from "@sinclair/typebox";
import { need } from "./schema-keys.ts";
import { sharedKeys } from "./schema-stage.ts";
import { closed, is, key, required, text, variables } from "./shapes.ts";

/*
 * The one definition of the manifest's shape: what validates, what `gitfoss-ci-runner schema` prints and what the
 * reference in docs/manifest.md is made of.
 */

const idBody = "[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$";
/** A template's id begins with a dot. */
export const templateIdPattern = String.raw`^\.${idBody}`;
export const plainIdPattern = `^${idBody}`;
export const stageIdPattern = String.raw`^\.?${idBody}`;
export const mostStages = 1000;

const name = text("a stage's or template's name");
const mostNames = 20;
const listOfNames = `a list of at most ${mostNames} names`;

const defaultsSchema = Type.Object(sharedKeys, closed("a map of stage keys"));
export const stageSchema = Type.Object(
  {
    ...sharedKeys,
    needs: key(
      Type.Array(need, { maxItems: mostStages, description: `a list of at most ${mostStages} stages` }),
      "Stages that must be done before this one starts, and whose artifacts it gets.",
      { examples: [["build"], [{ stage: "build", artifacts: false }]] },
    ),
    extends: key(
      Type.Union(
        [name, Type.Array(name, { minItems: 1, maxItems: mostNames, description: listOfNames })],
        is(`a name or ${listOfNames}`),
      ),
      "Takes over the keys of other stages or templates (ids that begin with a dot): maps are merged, all else is replaced, later names go before earlier ones and own keys before all.",
      { examples: [".go", [".base", ".deploy"]] },
    ),
  },
  closed("a map of stage keys"),
);
export const manifestSchema = Type.Object(
  {
    default: key(
      defaultsSchema,
      "Any keys of a stage but `needs` and `extends`, for the stages that don't set them.",
      {
        examples: [{ image: "alpine:latest" }],
      },
    ),
    variables: key(variables, "Variables for every stage.", { examples: [{ GOFLAGS: "-mod=readonly" }] }),
    stages: required(
      Type.Record(Type.String({ pattern: stageIdPattern }), stageSchema, {
        additionalProperties: false,
        minProperties: 1,
        maxProperties: mostStages,
        description: `a map of 1 to ${mostStages} stages and templates`,
      }),
      "The stages, each under its id. An id that begins with a dot is a template's: it never runs, and others may extend it.",
    ),
  },
  closed("a map with stages"),
) satisfies TSchema;

export type ManifestStage = Static<typeof stageSchema>;
