import type { Path, Source } from "../document.ts";
import type { Problem } from "../problem.ts";
import type { ManifestStage } from "../schema.ts";

/** Every path and glob of a stage stays in the workspace, and is relative to it. */
export function leavesWorkspace(source: Source, path: Path, stage: ManifestStage): Problem[] {
  return placesIn(stage).flatMap(({ at, value }) => {
    const wrong = wrongPlace(value);
    return wrong === undefined ? [] : [source.problemAtValue([...path, ...at], wrong)];
  });
}

function wrongPlace(value: string): string | undefined {
  const [prefix] = /^(?:\$CI_PROJECT_DIR|\$\{CI_PROJECT_DIR\}|\/workspace)(?:\/|$)/.exec(value) ?? [];
  if (prefix !== undefined && !value.split("/").includes(".."))
    return `${JSON.stringify(value)} must be relative to the workspace; leave "${prefix}" out`;
  if (!value.startsWith("/") && !value.split("/").includes("..")) return undefined;
  return `${JSON.stringify(value)} leaves the workspace; it must be relative, without ".."`;
}

interface Place {
  readonly at: Path;
  readonly value: string;
}

function placesIn(stage: ManifestStage): Place[] {
  const { working_directory: folder, artifacts = {}, rules = [] } = stage;
  return [
    ...(folder === undefined ? [] : [{ at: ["working_directory"], value: folder }]),
    ...listed(["artifacts", "paths"], artifacts.paths),
    ...listed(["artifacts", "exclude"], artifacts.exclude),
    ...listed(["artifacts", "reports", "junit"], artifacts.reports?.junit),
    ...listed(["inputs"], stage.inputs),
    ...rules.flatMap((rule, index) => [
      ...listed(["rules", index, "changes"], rule.changes),
      ...listed(["rules", index, "exists"], rule.exists),
    ]),
    ...cachesOf(stage).flatMap(({ cache, at }) => [
      ...listed([...at, "paths"], cache.paths),
      ...listed([...at, "key", "files"], typeof cache.key === "object" ? cache.key.files : []),
    ]),
  ];
}

function listed(at: Path, values: string | readonly string[] = []): Place[] {
  if (typeof values === "string") return [{ at, value: values }];
  return values.map((value, index) => ({ at: [...at, index], value }));
}

type Cache = NonNullable<ManifestStage["cache"]>;
export type OneCache = Exclude<Cache, readonly unknown[]>;

/** The caches of a stage, and where in it they stand. */
export function cachesOf({ cache }: ManifestStage): { readonly cache: OneCache; readonly at: Path }[] {
  if (cache === undefined) return [];
  if (!Array.isArray(cache)) return [{ cache, at: ["cache"] }];
  return cache.map((one, index) => ({ cache: one, at: ["cache", index] }));
}
