import type { Path, Source } from "../document.ts";
import { isGiven } from "../given.ts";
import type { Problem } from "../problem.ts";
import type { Checked } from "../rules.ts";
import type { ManifestStage } from "../schema.ts";

type Variables = NonNullable<ManifestStage["variables"]>;

/** Variables that the runner would set again: what the manifest says of them would be lost without a word. */
export function givenAgain(source: Source, path: Path, variables: Variables = {}): Problem[] {
  return Object.entries(variables)
    .filter(([name, value]) => isGiven(name) && !isAsGiven(name, value))
    .map(([name]) =>
      source.problemAtKey(
        [...path, name],
        `the runner sets "${name}" itself, for every stage: this value would never be seen; take another name`,
      ),
    );
}

/** `CI: true`, as people write it in files for several runners. */
function isAsGiven(name: string, value: Variables[string]): boolean {
  return (name === "CI" || name === "GITFOSS_CI") && String(value) === "true";
}

export function badVariables(source: Source, path: Path, stage: ManifestStage): Problem[] {
  return [
    ...givenAgain(source, [...path, "variables"], stage.variables),
    ...(stage.rules ?? []).flatMap((rule, index) =>
      givenAgain(source, [...path, "rules", index, "variables"], rule.variables),
    ),
    ...badSecrets(source, [...path, "secrets"], stage),
  ];
}

/** Secrets that are given twice, that a variable of the same stage contradicts, or that the runner hides. */
function badSecrets(source: Source, path: Path, { secrets = [], variables = {} }: ManifestStage): Problem[] {
  const seen = new Set<string>();
  const names = Array.isArray(secrets) ? secrets : Object.keys(secrets);
  return names.flatMap((name, index) => {
    const isAgain = seen.has(name);
    seen.add(name);
    const wrong = isAgain ? `the secret "${name}" stands here twice` : wrongName(name, variables);
    if (wrong === undefined) return [];
    return [
      Array.isArray(secrets)
        ? source.problemAtValue([...path, index], wrong)
        : source.problemAtKey([...path, name], wrong),
    ];
  });
}

function wrongName(name: string, variables: Variables): string | undefined {
  if (isGiven(name))
    return `the runner sets "${name}" itself, for every stage: a secret can't have that name`;
  if (!Object.hasOwn(variables, name)) return undefined;
  return `"${name}" is a secret and a variable of the same stage: one would hide the other`;
}

/** A secret that `default` gives a stage, and a variable of that name which the stage has itself. */
export function defaultSecretsHidden(
  { source, defaults }: Checked,
  id: string,
  stage: ManifestStage,
): Problem[] {
  const { secrets = [] } = defaults;
  if (stage.secrets !== undefined) return [];
  const names: readonly string[] = Array.isArray(secrets) ? secrets : Object.keys(secrets);
  return names
    .filter((name) => Object.hasOwn(stage.variables ?? {}, name))
    .map((name) =>
      source.problemAtKey(
        ["stages", id, "variables", name],
        `"${name}" is a variable of stage "${id}" and a secret of "default": one would hide the other`,
      ),
    );
}
