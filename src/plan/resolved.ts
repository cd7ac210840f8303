import { sizeOf, spanOf } from "./amounts.ts";
import type {
  ArtifactsPlan,
  CachePlan,
  HealthcheckPlan,
  ImagePlan,
  Plan,
  RetryPlan,
  RulePlan,
  SecretPlan,
  ServicePlan,
  StagePlan,
} from "./plan.ts";

/*
 * A plan in the manifest's own words: what a manifest comes to once templates, matrices and defaults are carried out. It's a manifest
 * itself, and its plan is the plan it was made of, but that a combination no longer knows its matrix.
 */

/** Keys whose value is undefined, or an empty list or map, are left out: they say nothing. */
export type Words = Readonly<Record<string, unknown>>;

/** Each stage under its id, in the plan's order. */
export function manifestOfPlan(plan: Plan): ReadonlyMap<string, Words> {
  return new Map(plan.stages.map((stage) => [stage.id, stageOf(stage)]));
}

function stageOf(stage: StagePlan): Words {
  return words({
    image: imageOf(stage.image),
    shell: stage.shell,
    before_script: stage.beforeScript,
    script: stage.script,
    after_script: stage.afterScript,
    variables: visibleVariables(stage),
    secrets: stage.secrets && secretsOf(stage.secrets),
    working_directory: stage.workingDirectory,
    user: stage.user,
    needs: stage.needs,
    when: stage.when,
    timeout: spanOf(stage.timeoutSeconds),
    success_exit: stage.successExit,
    allow_failure: allowFailureOf(stage.allowFailure),
    network: stage.network ?? "default",
    ...keysOf(stage),
  });
}

function keysOf(stage: StagePlan): Words {
  return {
    rules: stage.rules?.map(ruleOf),
    inputs: stage.inputs,
    services: stage.services?.map(serviceOf),
    cache: stage.caches?.map(cacheOf),
    artifacts: stage.artifacts && artifactsOf(stage.artifacts),
    retry: stage.retry === undefined ? 0 : retryOf(stage.retry),
    resources: stage.resources && resourcesOf(stage.resources),
    concurrency: stage.concurrency && {
      group: stage.concurrency.group,
      limit: stage.concurrency.limit,
      cancel_in_progress: stage.concurrency.cancelInProgress,
    },
    git: {
      depth: stage.gitDepth,
      submodules: stage.gitSubmodules ?? "none",
      lfs: stage.gitLfs ?? false,
    },
  };
}

/** Without those that a secret of the stage hides. */
function visibleVariables({ variables, secrets = [] }: StagePlan): Words {
  const hidden = new Set(secrets.map(({ variable }) => variable));
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !hidden.has(name)));
}

function imageOf({ name, pullPolicy, platform }: ImagePlan): Words {
  return words({ name, pull_policy: pullPolicy, platform });
}

function allowFailureOf(allowed: boolean | readonly number[]): unknown {
  return typeof allowed === "boolean" ? allowed : { exit_codes: allowed };
}

function secretsOf(secrets: readonly SecretPlan[]): Words {
  return Object.fromEntries(secrets.map(({ variable, ...secret }) => [variable, words({ ...secret })]));
}

function ruleOf({ allowFailure, ...rule }: RulePlan): Words {
  return words({
    ...rule,
    allow_failure: allowFailure === undefined ? undefined : allowFailureOf(allowFailure),
  });
}

function serviceOf({ image, healthcheck, ...service }: ServicePlan): Words {
  return words({ ...imageOf(image), ...service, healthcheck: healthcheck && healthcheckOf(healthcheck) });
}

function healthcheckOf(healthcheck: HealthcheckPlan): Words {
  const { test, intervalSeconds, timeoutSeconds, retries, startSeconds } = healthcheck;
  return words({
    test,
    interval: spanOf(intervalSeconds),
    timeout: spanOf(timeoutSeconds),
    retries,
    start_period: startSeconds === 0 ? undefined : spanOf(startSeconds),
  });
}

function cacheOf({ key, fallbackKeys, ...cache }: CachePlan): Words {
  const files = typeof key === "string" ? key : words({ files: key.files, prefix: key.prefix || undefined });
  return words({ key: files, ...cache, fallback_keys: fallbackKeys });
}

function artifactsOf({ expireSeconds, junit, ...artifacts }: ArtifactsPlan): Words {
  return words({
    ...artifacts,
    expire_in: expireSeconds === undefined ? undefined : spanOf(expireSeconds),
    reports: junit && { junit },
  });
}

function retryOf({ max, when, exitCodes }: RetryPlan): unknown {
  return max === 0 ? 0 : words({ max, when, exit_codes: exitCodes });
}

function resourcesOf({ cpus, memoryBytes, pids, shmBytes }: NonNullable<StagePlan["resources"]>): Words {
  return words({
    cpus,
    memory: memoryBytes === undefined ? undefined : sizeOf(memoryBytes),
    pids,
    shm_size: shmBytes === undefined ? undefined : sizeOf(shmBytes),
  });
}

function words(all: Words): Words {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => saysSomething(value)));
}

function saysSomething(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value !== undefined;
  return Object.keys(value).length > 0;
}
