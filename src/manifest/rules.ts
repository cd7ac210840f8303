import { conditionProblems } from "./conditions.ts";
import type { Path, Source } from "./document.ts";
import type { Combination } from "./manifest.ts";
import type { Problem } from "./problem.ts";
import { badDurations, badSizes } from "./rules/amounts.ts";
import { badImages } from "./rules/images.ts";
import { emptyArtifacts, retryOfNothing, sameCacheTwice, unreachedRules } from "./rules/keys.ts";
import { needProblems } from "./rules/needs.ts";
import { leavesWorkspace } from "./rules/places.ts";
import { missingScript, shellWithArguments } from "./rules/script.ts";
import { badAliases, servicesOutOfReach } from "./rules/services.ts";
import { badVariables, defaultSecretsHidden, givenAgain } from "./rules/variables.ts";
import type { ManifestStage } from "./schema.ts";

/** What is right in shape, but may make no sense. One rule, one function. */
export interface Checked {
  readonly source: Source;
  readonly variables: NonNullable<ManifestStage["variables"]>;
  readonly defaults: ManifestStage;
  /** With what they extend. */
  readonly stages: ReadonlyMap<string, ManifestStage>;
  readonly templates: ReadonlyMap<string, ManifestStage>;
  readonly combinations: ReadonlyMap<string, readonly Combination[]>;
}

export function ruleProblems(checked: Checked): Problem[] {
  const { source, variables, defaults, stages, templates } = checked;
  return [
    ...givenAgain(source, ["variables"], variables),
    ...stageRules(source, ["default"], defaults),
    ...emptyArtifacts(source, ["default"], defaults),
    ...[...templates].flatMap(([id, template]) => stageRules(source, ["stages", id], template)),
    ...[...stages].flatMap(([id, stage]) => [
      ...stageRules(source, ["stages", id], stage),
      ...emptyArtifacts(source, ["stages", id], stage),
      ...missingScript(checked, id, stage),
      ...servicesOutOfReach(checked, id, stage),
      ...defaultSecretsHidden(checked, id, stage),
    ]),
    ...needProblems(checked),
    ...nothingToRun(checked),
  ];
}

function nothingToRun({ source, stages, templates }: Checked): Problem[] {
  if (stages.size > 0 || templates.size === 0) return [];
  return [source.problemAtKey(["stages"], "there are templates only: no stage would ever run")];
}

/** What holds for a stage, a template and `default` alike, each by itself. */
function stageRules(source: Source, path: Path, stage: ManifestStage): Problem[] {
  return [
    ...badDurations(source, path, stage),
    ...conditionProblems(source, [...path, "rules"], stage.rules),
    ...badSizes(source, path, stage),
    ...leavesWorkspace(source, path, stage),
    ...badVariables(source, path, stage),
    ...badImages(source, path, stage),
    ...badAliases(source, path, stage),
    ...sameCacheTwice(source, path, stage),
    ...retryOfNothing(source, path, stage),
    ...unreachedRules(source, path, stage),
    ...shellWithArguments(source, path, stage),
  ];
}
