import type { ManifestStage } from "./schema.ts";

/** The manifest's path in its repository when nobody names another. */
export const defaultManifest = ".gitfoss-ci.yml";

/** What the user wrote, checked for shape and sense, in the manifest's own words. Nothing is filled in yet. */
export interface Manifest {
  readonly default: ManifestDefaults;
  readonly variables: ManifestVariables;
  /** In the file's order; what they extend is merged into them, and templates are left out. */
  readonly stages: ReadonlyMap<string, ManifestStage>;
  /** Of the stages with a matrix, what they unfold to. */
  readonly combinations: ReadonlyMap<string, readonly Combination[]>;
}

/** Every stage key but `needs`, for the stages that don't set it. */
export type ManifestDefaults = Omit<ManifestStage, "needs">;

export type ManifestVariables = Readonly<Record<string, string>>;

export interface Combination {
  /** "test:20:alpine" */
  readonly id: string;
  /** A value for each axis. */
  readonly variables: ManifestVariables;
}
