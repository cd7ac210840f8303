import { RunnerError } from "../shared/errors.ts";
import { present, relativePath } from "./compile-keys.ts";
import { expandText, type Lookup } from "./expand.ts";
import type { ArtifactsPlan, CachePlan, ImagePlan, ServicePlan, StagePlan } from "./plan.ts";

/** What a key's value must be once its variables are in place, and a name for it in the error. */
interface Sound {
  readonly is: string;
  readonly holds: (value: string) => boolean;
}

const imageName: Sound = {
  is: "an image's name",
  holds: (value) => /^[A-Za-z0-9[][A-Za-z0-9._:/@+[\]-]{0,511}$/.test(value) && !/\.\.|\/\/|\/$/.test(value),
};
const path: Sound = {
  is: `a path in the workspace: relative, without ".."`,
  holds: (value) => value !== "" && !value.startsWith("/") && !value.split("/").includes(".."),
};
const hostName: Sound = {
  is: "a host name: letters, digits and -",
  holds: (value) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(value),
};
const group: Sound = {
  is: "a group's name of 1 to 255 characters",
  holds: (value) => value.length >= 1 && value.length <= 255,
};
const userName: Sound = {
  is: "a user's name or id",
  holds: (value) => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$/.test(value),
};
const anything: Sound = { is: "a text", holds: () => true };

/** As a manifest. Thousands of words that all name one long variable would be much more. */
const longestOfAll = 1024 * 1024;

/** One value of one key. */
type Expand = (key: string, value: string, sound?: Sound) => string;

/**
 * The stage with variables in place wherever no secret may stand: image, user, services, caches, paths, groups. Not in `variables`,
 * which may refer to secrets, and not in what a shell reads. Throws `invalid_request` that names the key for what can't be used then.
 */
export function expandPlan(plan: StagePlan, lookup: Lookup): StagePlan {
  let total = 0;
  const expand: Expand = (key, value, sound = anything) => {
    if (!value.includes("$")) return value;
    const expanded = expandText(value, lookup);
    total += expanded.length;
    const why = total > longestOfAll ? "the values of its keys become too long" : unsound(expanded, sound);
    if (why === undefined) return expanded;
    throw new RunnerError("invalid_request", `"${key}" of stage "${plan.id}" can't be used: ${why}`);
  };
  const paths = (key: string) => (values: readonly string[]) =>
    values.map((value) => relativePath(expand(key, value, path)));
  return {
    ...plan,
    image: expandImage(plan.image, "image", expand),
    workingDirectory: relativePath(expand("working_directory", plan.workingDirectory, path)),
    ...present("user", plan.user, (user) => expand("user", user, userName)),
    ...present("artifacts", plan.artifacts, (artifacts) => expandArtifacts(artifacts, paths)),
    ...present("services", plan.services, (services) => services.map((one) => expandService(one, expand))),
    ...present("caches", plan.caches, (caches) => caches.map((one) => expandCache(one, expand, paths))),
    ...present("inputs", plan.inputs, paths("inputs")),
    ...present("concurrency", plan.concurrency, (concurrency) => ({
      ...concurrency,
      group: expand("concurrency.group", concurrency.group, group),
    })),
  };
}

function unsound(expanded: string, { is, holds }: Sound): string | undefined {
  if (expanded.includes(secretMark)) return "it refers to a secret, and would be stored and shown";
  if (/\p{Cc}/u.test(expanded)) return "a variable puts control characters into it";
  if (holds(expanded)) return undefined;
  return `with its variables in place it's ${JSON.stringify(expanded.slice(0, 200))}, which isn't ${is}`;
}

/** Stands for the value of a secret where none may be. No value has a NUL. */
export const secretMark = "\0";

function expandImage(image: ImagePlan, key: string, expand: Expand): ImagePlan {
  return { ...image, name: expand(key, image.name, imageName) };
}

function expandService(service: ServicePlan, expand: Expand): ServicePlan {
  const words = (key: string) => (values: readonly string[]) => values.map((value) => expand(key, value));
  return {
    ...service,
    image: expandImage(service.image, "services.name", expand),
    ...present("alias", service.alias, (alias) => expand("services.alias", alias, hostName)),
    ...present("entrypoint", service.entrypoint, words("services.entrypoint")),
    ...present("command", service.command, words("services.command")),
  };
}

type Paths = (key: string) => (values: readonly string[]) => readonly string[];

function expandArtifacts(artifacts: ArtifactsPlan, paths: Paths): ArtifactsPlan {
  return {
    ...artifacts,
    paths: paths("artifacts.paths")(artifacts.paths),
    exclude: paths("artifacts.exclude")(artifacts.exclude),
    ...present("junit", artifacts.junit, paths("artifacts.reports.junit")),
  };
}

function expandCache(cache: CachePlan, expand: Expand, paths: Paths): CachePlan {
  const { key } = cache;
  return {
    ...cache,
    key:
      typeof key === "string"
        ? expand("cache.key", key)
        : { files: paths("cache.key.files")(key.files), prefix: expand("cache.key.prefix", key.prefix) },
    fallbackKeys: cache.fallbackKeys.map((each) => expand("cache.fallback_keys", each)),
    paths: paths("cache.paths")(cache.paths),
  };
}
