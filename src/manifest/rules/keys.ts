import type { Path, Source } from "../document.ts";
import type { Problem } from "../problem.ts";
import type { ManifestStage } from "../schema.ts";
import { cachesOf } from "./places.ts";

/* Keys that are whole in form and say nothing, or contradict themselves. */

export function emptyArtifacts(source: Source, path: Path, { artifacts }: ManifestStage): Problem[] {
  if (artifacts === undefined) return [];
  const at = [...path, "artifacts"];
  const { paths, reports } = artifacts;
  if (paths === undefined && reports === undefined)
    return [source.problemAtKey(at, `"artifacts" needs "paths" or "reports": nothing would be kept`)];
  if (reports === undefined || reports.junit !== undefined) return [];
  return [source.problemAtKey([...at, "reports"], `"reports" needs "junit": nothing would be read`)];
}

/** Both would be saved in the same place, the later over the earlier. */
export function sameCacheTwice(source: Source, path: Path, stage: ManifestStage): Problem[] {
  const seen = new Set<string>();
  return cachesOf(stage).flatMap(({ cache, at }) => {
    const key = JSON.stringify(cache.key ?? "default");
    const identity = JSON.stringify([key, cache.paths.toSorted()]);
    const isAgain = seen.has(identity);
    seen.add(identity);
    if (!isAgain) return [];
    const what = `two caches of the same stage have the key ${key} and the same paths: one would replace the other`;
    return [source.problemAtValue([...path, ...at, "key"], `${what}; give one of them another`)];
  });
}

export function retryOfNothing(source: Source, path: Path, { retry }: ManifestStage): Problem[] {
  if (typeof retry !== "object" || retry.max > 0) return [];
  if (retry.when === undefined && retry.exit_codes === undefined) return [];
  const message = `"max: 0" retries nothing, whatever "when" and "exit_codes" say`;
  return [source.problemAtValue([...path, "retry", "max"], message)];
}

/** A rule without a condition always holds. */
export function unreachedRules(source: Source, path: Path, { rules = [] }: ManifestStage): Problem[] {
  const last = rules.findIndex(
    ({ if: condition, changes, exists }) => (condition ?? changes ?? exists) === undefined,
  );
  if (last === -1 || last === rules.length - 1) return [];
  const message = `no rule from here on can decide: the one before it, rules[${String(last + 1)}], has no condition and always holds`;
  return [source.problemAtValue([...path, "rules", last + 1], message)];
}
