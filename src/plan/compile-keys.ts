import type { ManifestStage } from "../manifest/schema.ts";
import { parseBytes } from "../shared/bytes.ts";
import { parseDuration } from "../shared/duration.ts";
import type {
  ArtifactsPlan,
  CachePlan,
  ConcurrencyPlan,
  HealthcheckPlan,
  ImagePlan,
  ResourcesPlan,
  RetryPlan,
  RulePlan,
  SecretPlan,
  ServicePlan,
} from "./plan.ts";

/* One function a key, each from the manifest's words to the plan's. What was checked isn't checked again. */

type Key<K extends keyof ManifestStage> = NonNullable<ManifestStage[K]>;

export function imageOf(image: Key<"image">): ImagePlan {
  if (typeof image === "string") return { name: image, pullPolicy: "if_not_present" };
  const { name, pull_policy: pullPolicy = "if_not_present", platform } = image;
  return {
    name,
    pullPolicy,
    ...present("platform", platform),
  };
}

export function artifactsOf(artifacts: Key<"artifacts">): ArtifactsPlan {
  const { paths = [], exclude = [], when = "on_success", expire_in: expireIn, reports } = artifacts;
  return {
    paths: paths.map(relativePath),
    exclude: exclude.map(relativePath),
    when,
    ...present("expireSeconds", expireIn, parseDuration),
    ...present("junit", reports?.junit, (globs) => listOf(globs).map(relativePath)),
  };
}

export function cachesOf(cache: Key<"cache">): readonly CachePlan[] {
  return listOf(cache).map((one) => ({
    key: keyOf(one.key),
    fallbackKeys: one.fallback_keys ?? [],
    paths: one.paths.map(relativePath),
    policy: one.policy ?? "pull-push",
    when: one.when ?? "on_success",
  }));
}

type CacheKey = Extract<Key<"cache">, { readonly paths: unknown }>["key"];

function keyOf(key: CacheKey = "default"): CachePlan["key"] {
  return typeof key === "string" ? key : { files: key.files.map(relativePath), prefix: key.prefix ?? "" };
}

export function rulesOf(rules: Key<"rules">): readonly RulePlan[] {
  return rules.map((rule) => ({
    ...present("if", rule.if),
    ...present("changes", rule.changes, relativePaths),
    ...present("exists", rule.exists, relativePaths),
    ...present("when", rule.when),
    variables: textOf(rule.variables ?? {}),
    ...present("allowFailure", rule.allow_failure, allowFailureOf),
  }));
}

export function allowFailureOf(allowed: Key<"allow_failure">): boolean | readonly number[] {
  return typeof allowed === "boolean" ? allowed : allowed.exit_codes;
}

export function secretsOf(secrets: Key<"secrets">): readonly SecretPlan[] {
  if (Array.isArray(secrets)) return secrets.map((name) => ({ variable: name, name, file: false }));
  return Object.entries(secrets).map(([variable, { name = variable, file = false, optional }]) => ({
    variable,
    name,
    file,
    ...present("optional", optional, (is) => is || undefined),
  }));
}

export function servicesOf(services: Key<"services">): readonly ServicePlan[] {
  return services.map((service) => {
    if (typeof service === "string") return { image: imageOf(service), variables: {} };
    const { name, pull_policy: pullPolicy = "if_not_present", platform } = service;
    return {
      image: { name, pullPolicy, ...present("platform", platform) },
      ...present("alias", service.alias),
      ...present("entrypoint", service.entrypoint, listOf<string>),
      ...present("command", service.command, listOf<string>),
      variables: textOf(service.variables ?? {}),
      ...present("healthcheck", service.healthcheck, healthcheckOf),
    };
  });
}

type Healthcheck = NonNullable<Extract<Key<"services">[number], { readonly name: string }>["healthcheck"]>;

function healthcheckOf(healthcheck: Healthcheck): HealthcheckPlan {
  const { test, interval = "1s", timeout = "10s", retries = 30, start_period: start } = healthcheck;
  return {
    test,
    intervalSeconds: parseDuration(interval) ?? 1,
    timeoutSeconds: parseDuration(timeout) ?? 10,
    retries,
    startSeconds: start === undefined ? 0 : (parseDuration(start) ?? 0),
  };
}

export function retryOf(retry: Key<"retry">): RetryPlan {
  if (typeof retry === "number") return { max: retry };
  const { max, when, exit_codes: exitCodes } = retry;
  return { max, ...present("when", when, listOf<string>), ...present("exitCodes", exitCodes) };
}

export function resourcesOf(resources: Key<"resources">): ResourcesPlan {
  const { cpus, memory, pids, shm_size: shm } = resources;
  return {
    ...present("cpus", cpus),
    ...present("memoryBytes", memory, parseBytes),
    ...present("pids", pids),
    ...present("shmBytes", shm, parseBytes),
  };
}

export function concurrencyOf(concurrency: Key<"concurrency">): ConcurrencyPlan {
  if (typeof concurrency === "string") return { group: concurrency, limit: 1, cancelInProgress: false };
  const { group, limit = 1, cancel_in_progress: cancelInProgress = false } = concurrency;
  return { group, limit, cancelInProgress };
}

export function textOf(
  variables: Readonly<Record<string, string | number | boolean>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
}

/** Without "./" and doubled slashes; a slash at the end, which says "a folder", stays. */
export function relativePath(path: string): string {
  const parts = path
    .split("/")
    .filter((part, index, all) => part !== "." && (part !== "" || index === all.length - 1));
  return parts.join("/") || ".";
}

export function relativePaths(paths: readonly string[]): readonly string[] {
  return paths.map(relativePath);
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return isList(value) ? value : [value];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

type Present<K extends string, T> = { readonly [key in K]?: T };

/** `{[key]: value}`, or nothing where there is no value: the plan has no key whose value is undefined. */
export function present<K extends string, V>(key: K, value: V | undefined): Present<K, V>;
export function present<K extends string, V, T>(
  key: K,
  value: V | undefined,
  convert: (value: V) => T | undefined,
): Present<K, T>;
export function present(
  key: string,
  value: unknown,
  convert: (value: unknown) => unknown = (same) => same,
): Present<string, unknown> {
  const converted = value === undefined ? undefined : convert(value);
  return converted === undefined ? {} : { [key]: converted };
}
