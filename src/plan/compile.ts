import { parseDuration } from "../shared/duration.ts";
import type { Combination, Manifest } from "../manifest/manifest.ts";
import type { ManifestStage } from "../manifest/schema.ts";
import type { Commands } from "../manifest/shapes.ts";
import * as key from "./compile-keys.ts";
import { inOrderOfNeeds } from "./graph.ts";
import { needableIn, needsOf, type Needable } from "./needs.ts";
import { once } from "./once.ts";
import type { Plan, StagePlan } from "./plan.ts";

/** What holds where neither the stage nor the manifest's `default` says anything: the operator's word. */
export interface PlanDefaults {
  readonly image: string;
  readonly timeoutSeconds: number;
  readonly successExit: readonly number[];
}

/** Fills in every default. The manifest has been checked: nothing can fail here. */
export function compilePlan(manifest: Manifest, defaults: PlanDefaults): Plan {
  const surroundings = { manifest, defaults, needable: needableIn(manifest) };
  const stages = [...manifest.stages].flatMap(([id, stage]) => {
    const plan = compileStage(id, stage, surroundings);
    const combinations = manifest.combinations.get(id);
    return combinations === undefined ? [plan] : combinations.map((one) => combined(plan, one));
  });
  return { version: 1, stages: inOrderOfNeeds(stages) };
}

/** One stage of those that a matrix stands for: its values go before all that the manifest says elsewhere. */
function combined(plan: StagePlan, { id, variables }: Combination): StagePlan {
  return { ...plan, id, matrixOf: plan.id, variables: { ...plan.variables, ...variables } };
}

interface Surroundings {
  readonly manifest: Manifest;
  readonly defaults: PlanDefaults;
  readonly needable: Needable;
}

function compileStage(id: string, own: ManifestStage, surroundings: Surroundings): StagePlan {
  const { manifest, defaults, needable } = surroundings;
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
    needs: needsOf(own.needs, needable),
    when: stage.when,
    timeoutSeconds: (timeout === undefined ? undefined : parseDuration(timeout)) ?? defaults.timeoutSeconds,
    successExit: stage.success_exit ?? defaults.successExit,
    allowFailure: key.allowFailureOf(stage.allow_failure),
    ...optionalKeys(stage),
  };
}

const artifactsOf = once(key.artifactsOf);
const rulesOf = once(key.rulesOf);
const servicesOf = once(key.servicesOf);
const cachesOf = once(key.cachesOf);
const inputsOf = once(key.relativePaths);

/** The keys that a plan may be without. */
function optionalKeys(stage: ManifestStage): Pick<StagePlan, "gitDepth"> & Partial<StagePlan> {
  const { present } = key;
  return {
    ...present("artifacts", stage.artifacts, artifactsOf),
    gitDepth: stage.git?.depth ?? 1,
    ...present("gitSubmodules", stage.git?.submodules, (how) => (how === "none" ? undefined : how)),
    ...present("gitLfs", stage.git?.lfs, (wanted) => wanted || undefined),
    ...present("rules", stage.rules, rulesOf),
    ...present("secrets", stage.secrets, key.secretsOf),
    ...present("services", stage.services, servicesOf),
    ...present("caches", stage.cache, cachesOf),
    ...present("inputs", stage.inputs, inputsOf),
    ...present("retry", stage.retry, (retry) => (retry === 0 ? undefined : key.retryOf(retry))),
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
