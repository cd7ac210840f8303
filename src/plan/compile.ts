import { parseDuration } from "../shared/duration.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Commands, ManifestStage } from "../manifest/schema.ts";
import { inOrderOfNeeds } from "./graph.ts";
import type { ArtifactsPlan, ImagePlan, Need, Plan, StagePlan } from "./plan.ts";

/** What holds where neither the stage nor the manifest's `default` says anything: the operator's word. */
export interface PlanDefaults {
  readonly image: string;
  readonly timeoutSeconds: number;
  readonly successExit: readonly number[];
}

/** Fills in every default. The manifest has been checked: nothing can fail here. */
export function compilePlan(manifest: Manifest, defaults: PlanDefaults): Plan {
  const stages = [...manifest.stages].map(([id, stage]) => compileStage(id, stage, manifest, defaults));
  return { version: 1, stages: inOrderOfNeeds(stages) };
}

function compileStage(id: string, own: ManifestStage, manifest: Manifest, defaults: PlanDefaults): StagePlan {
  const { image, timeout, artifacts, ...stage } = { ...fallbacks, ...manifest.default, ...own };
  const user = stage.user ?? (typeof image === "object" ? image.user : undefined);
  return {
    id,
    image: imageOf(image ?? defaults.image),
    shell: stage.shell,
    beforeScript: commandsOf(stage.before_script),
    script: commandsOf(stage.script),
    afterScript: commandsOf(stage.after_script),
    variables: textOf({ ...manifest.variables, ...manifest.default.variables, ...own.variables }),
    workingDirectory: relativePath(stage.working_directory),
    ...(user === undefined ? {} : { user }),
    needs: needsOf(own, manifest),
    when: stage.when,
    timeoutSeconds: (timeout === undefined ? undefined : parseDuration(timeout)) ?? defaults.timeoutSeconds,
    successExit: stage.success_exit ?? defaults.successExit,
    allowFailure: stage.allow_failure,
    ...(artifacts === undefined ? {} : { artifacts: artifactsOf(artifacts) }),
    gitDepth: stage.git.depth ?? fallbacks.git.depth,
  };
}

/** What holds where nobody says anything. */
const fallbacks = {
  shell: "sh",
  before_script: [],
  script: [],
  after_script: [],
  working_directory: ".",
  when: "on_success",
  allow_failure: false,
  git: { depth: 1 },
} as const satisfies ManifestStage;

function imageOf(image: NonNullable<ManifestStage["image"]>): ImagePlan {
  if (typeof image === "string") return { name: image, pullPolicy: "if_not_present" };
  const { name, pull_policy: pullPolicy = "if_not_present", platform } = image;
  return { name, pullPolicy, ...(platform === undefined ? {} : { platform }) };
}

function commandsOf(commands: Commands): readonly string[] {
  return typeof commands === "string" ? [commands] : commands.flatMap(commandsOf);
}

function textOf(variables: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
}

/** An optional need to a stage that isn't there is none. */
function needsOf(stage: ManifestStage, manifest: Manifest): readonly Need[] {
  return (stage.needs ?? [])
    .map((need) => (typeof need === "string" ? { stage: need } : need))
    .filter((need) => manifest.stages.has(need.stage))
    .map(({ stage: id, artifacts = true, optional = false }) => ({ stage: id, artifacts, optional }));
}

function artifactsOf(artifacts: NonNullable<ManifestStage["artifacts"]>): ArtifactsPlan {
  const { paths, exclude = [], when = "on_success" } = artifacts;
  return { paths: paths.map(relativePath), exclude: exclude.map(relativePath), when };
}

/** Without "./" and doubled slashes; a slash at the end, which says "a folder", stays. */
function relativePath(path: string): string {
  const parts = path
    .split("/")
    .filter((part, index, all) => part !== "." && (part !== "" || index === all.length - 1));
  return parts.join("/") || ".";
}
