import type { Keys } from "../draft.ts";
import type { Item } from "../tree.ts";
import {
  durationOf,
  filled,
  globsIn,
  leaveKeys,
  sameWords,
  textIn,
  textsIn,
  under,
  wordIn,
} from "../values.ts";
import type { Jobs } from "./jobs.ts";

const outcomes = sameWords("on_success", "on_failure", "always");
const policies = sameWords("pull-push", "pull", "push");
const mostFallbacks = 10;

export function cacheOf(item: Item, jobs: Jobs): unknown {
  if (item.isList && item.children().length === 0) return noCache(item);
  const caches = jobs
    .entries(item)
    .flatMap((entry) => (entry.isMap ? oneCache(entry) : noCache(entry)) ?? []);
  return caches.length > 1 ? caches : caches[0];
}

function noCache(item: Item): undefined {
  const instead =
    "a stage can't put away the default's cache; leave the default out, and extend a template instead";
  return item.leave(instead, "cache: []");
}

function oneCache(item: Item): Keys | undefined {
  leaveKeys(
    item,
    {
      untracked: "name what is to be kept under paths",
      unprotect: "the default branch alone writes a cache that others read",
    },
    "cache.",
  );
  const cache = filled({
    key: under(item, "key", keyOf),
    paths: under(item, "paths", globsIn),
    policy: under(item, "policy", (policy) => wordIn(policy, policies)),
    when: under(item, "when", (when) => wordIn(when, outcomes)),
    fallback_keys: under(item, "fallback_keys", fallbacksOf),
  });
  return cache ?? item.leave("nothing is left of it: a cache needs paths", "cache");
}

function fallbacksOf(item: Item): string[] | undefined {
  const keys = textsIn(item) ?? [];
  if (keys.length > mostFallbacks)
    item.tree.note(item, "cache.fallback_keys", `the first ${mostFallbacks} are taken`);
  return keys.slice(0, mostFallbacks);
}

function keyOf(item: Item): unknown {
  if (!item.isMap) return textIn(item);
  leaveKeys(item, { files_commits: "cache.key.files, by what the files hold, is the nearest" }, "cache.key.");
  const files = under(item, "files", globsIn);
  const prefix = under(item, "prefix", textIn);
  return files === undefined ? prefix : filled({ files, prefix });
}

const notCarried: Readonly<Record<string, string>> = {
  name: "artifacts are fetched file by file, under their own names",
  untracked: "name what is to be kept under paths",
  expose_as: "the forge shows them",
  public: "who may see them is the forge's to say",
  access: "who may see them is the forge's to say",
};

export function artifactsOf(item: Item): Keys | undefined {
  leaveKeys(item, notCarried, "artifacts.");
  return filled({
    paths: under(item, "paths", globsIn),
    exclude: under(item, "exclude", globsIn),
    when: under(item, "when", (when) => wordIn(when, outcomes)),
    expire_in: under(item, "expire_in", expiryOf),
    reports: under(item, "reports", reportsOf),
  });
}

function reportsOf(item: Item): Keys | undefined {
  for (const child of item.children()) {
    if (child.key !== "junit")
      child.leave("only junit is read; name the file under artifacts.paths to keep it");
  }
  return filled({ junit: under(item, "junit", globsIn) });
}

function expiryOf(item: Item): string | undefined {
  const { text = "" } = item;
  const what = `artifacts.expire_in: ${text}`;
  if (text === "never") return item.leave("without expire_in artifacts are kept as long as their run", what);
  return durationOf(text) ?? item.leave('a time here is written like "30d", and is at least a second', what);
}
