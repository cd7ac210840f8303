import { parseDuration } from "../shared/duration.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { ManifestStage } from "../manifest/schema.ts";
import type { Commands } from "../manifest/shapes.ts";
import * as key from "./compile-keys.ts";
import { inOrderOfNeeds } from "./graph.ts";
import type { Need, Plan, StagePlan } from "./plan.ts";

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
  const stage = { ...fallbacks, ...manifest.default, ...own };
  const { image, timeout } = stage;
  const user = stage.user ?? (typeof image === "object" ? image.user : undefined);
  return {
    id,
    image: key.imageOf(image ?? defaults.image),
    shell: stage.shell,
    beforeScript: commandsOf(stage.before_script),
    script: commandsOf(stage.script),
    afterScript: commandsOf(stage.after_script),
    variables: key.textOf({ ...manifest.variables, ...manifest.default.variables, ...own.variables }),
    workingDirectory: key.relativePath(stage.working_directory),
    ...key.present("user", user),
    needs: needsOf(own, manifest),
    when: stage.when,
    timeoutSeconds: (timeout === undefined ? undefined : parseDuration(timeout)) ?? defaults.timeoutSeconds,
    successExit: stage.success_exit ?? defaults.successExit,
    allowFailure: key.allowFailureOf(stage.allow_failure),
    ...optionalKeys(stage),
  };
}

/** The keys that a plan may be without. */
function optionalKeys(stage: ManifestStage): Pick<StagePlan, "gitDepth"> & Partial<StagePlan> {
  const { present } = key;
  return {
    ...present("artifacts", stage.artifacts, key.artifactsOf),
    gitDepth: stage.git?.depth ?? 1,
    ...present("gitSubmodules", stage.git?.submodules, (how) => (how === "none" ? undefined : how)),
    ...present("gitLfs", stage.git?.lfs, (wanted) => wanted || undefined),
    ...present("rules", stage.rules, key.rulesOf),
    ...present("secrets", stage.secrets, key.secretsOf),
    ...present("services", stage.services, key.servicesOf),
    ...present("caches", stage.cache, key.cachesOf),
    ...present("inputs", stage.inputs, key.relativePaths),
    ...present("retry", stage.retry, key.retryOf),
    ...present("resources", stage.resources, key.resourcesOf),
    ...present("network", stage.network, (network) => (network === "none" ? network : undefined)),
    ...present("concurrency", stage.concurrency, key.concurrencyOf),
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
} as const satisfies ManifestStage;

function commandsOf(commands: Commands): readonly string[] {
  return typeof commands === "string" ? [commands] : commands.flatMap(commandsOf);
}

/** An optional need to a stage that isn't there is none. */
function needsOf(stage: ManifestStage, manifest: Manifest): readonly Need[] {
  return (stage.needs ?? [])
    .map((need) => (typeof need === "string" ? { stage: need } : need))
    .filter((need) => manifest.stages.has(need.stage))
    .map(({ stage: id, artifacts = true, optional = false }) => ({ stage: id, artifacts, optional }));
}
