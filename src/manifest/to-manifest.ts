import { Value } from "@sinclair/typebox/value";
import type { Path, Source } from "./document.ts";
import type { Manifest, ManifestVariables } from "./manifest.ts";
import type { Fields } from "./record.ts";
import { manifestSchema, type ManifestStage } from "./schema.ts";

/** From a value that has been checked. Throws when it hasn't: that's a mistake of ours. */
export function manifestOf(source: Source, value: Fields, combinations: Manifest["combinations"]): Manifest {
  if (!Value.Check(manifestSchema, value)) throw new Error("a manifest without problems isn't one");
  return {
    default: withText(source, ["default"], value.default ?? {}),
    variables: asText(source, ["variables"], value.variables ?? {}),
    stages: inFileOrder(source, value.stages),
    combinations,
  };
}

/** An object would have the stages "2" and "10" before "build", wherever they stand. */
function inFileOrder(source: Source, stages: Readonly<Record<string, ManifestStage>>): Manifest["stages"] {
  const ordered = new Map<string, ManifestStage>();
  for (const id of source.keys(["stages"])) {
    const stage = Object.hasOwn(stages, id) ? stages[id] : undefined;
    if (stage !== undefined) ordered.set(id, withText(source, ["stages", id], stage));
  }
  return ordered;
}

/** Every variable as it was written. */
function withText<T extends ManifestStage>(source: Source, path: Path, stage: T): T {
  const { variables, rules, services } = stage;
  const texts = <V extends { variables?: Record<string, unknown> }>(at: Path, one: V): V =>
    one.variables === undefined
      ? one
      : { ...one, variables: asText(source, [...path, ...at, "variables"], one.variables) };
  return {
    ...stage,
    ...(variables && { variables: asText(source, [...path, "variables"], variables) }),
    ...(rules && { rules: rules.map((rule, index) => texts(["rules", index], rule)) }),
    ...(services && {
      services: services.map((service, index) =>
        typeof service === "string" ? service : texts(["services", index], service),
      ),
    }),
  };
}

function asText(source: Source, path: Path, variables: Record<string, unknown>): ManifestVariables {
  const entries = Object.entries(variables).map(([name, value]): [string, string] => {
    const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return [
      name,
      typeof value === "string" || !isScalar ? String(value) : source.written([...path, name], value),
    ];
  });
  return Object.fromEntries(entries);
}
