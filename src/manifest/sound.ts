import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { isTemplate, type Extended } from "./extends.ts";
import { isRecord, type Fields } from "./record.ts";
import type { Checked } from "./rules.ts";
import { mostStages, stageIdPattern, stageSchema, type ManifestStage } from "./schema.ts";
import { variables as variablesSchema } from "./shapes.ts";

const stageId = new RegExp(stageIdPattern);

/** What can be checked by the rules although something else is wrong: the keys that are sound by themselves. */
export function soundParts(
  { source, stages, incomplete }: Extended,
  value: Fields,
): Omit<Checked, "combinations"> {
  const sound = [...stages]
    .filter(([id]) => stageId.test(id))
    .slice(0, mostStages)
    .map(([id, stage]): [string, ManifestStage] => [id, soundKeys(stage, incomplete.has(id))]);
  const variables = value["variables"];
  return {
    source,
    variables: Value.Check(variablesSchema, variables) ? variables : {},
    defaults: "default" in value ? soundKeys(value["default"], false) : {},
    stages: new Map(sound.filter(([id]) => !isTemplate(id))),
    templates: new Map(sound.filter(([id]) => isTemplate(id))),
  };
}

/** A script that is there but no script has its error already, as has one that isn't found: for the rules it's a script. */
function soundKeys(stage: unknown, isIncomplete: boolean): ManifestStage {
  if (!isRecord(stage)) return { script: "unsound" };
  if (!isIncomplete && Value.Check(stageSchema, stage)) return stage;
  const schemas: Readonly<Record<string, TSchema>> = stageSchema.properties;
  const sound = Object.entries(stage).filter(([key, each]) => {
    const schema = Object.hasOwn(schemas, key) ? schemas[key] : undefined;
    return schema !== undefined && Value.Check(schema, each);
  });
  const isScript = isIncomplete || "script" in stage;
  const keys = Object.fromEntries(isScript ? [["script", "unsound"], ...sound] : sound);
  return Value.Check(stageSchema, keys) ? keys : { script: "unsound" };
}
