import type { ManifestStage } from "./schema.ts";

/** The manifest's path in its repository when nobody names another. */
export const defaultManifest = ".gitfoss-ci.yml";

/** What the user wrote, checked for shape and sense, in the manifest's own words. Nothing is filled in yet. */
export interface Manifest {
  readonly default: ManifestDefaults;
  readonly variables: ManifestVariables;
  /** In the file's order. */
  readonly stages: ReadonlyMap<string, ManifestStage>;
}

/** Every stage key but `needs`, for the stages that don't set it. */
export type ManifestDefaults = Omit<ManifestStage, "needs">;

export type ManifestVariables = Readonly<Record<string, string>>;
