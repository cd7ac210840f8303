/**
 * What will run, fully resolved: every default is filled in and nothing is looked up again. Plain JSON:
 * it is stored with the run and read back by newer versions.
 */
export interface Plan {
  readonly version: 1;
  /** In an order in which every stage comes after its needs; otherwise as the manifest has them. */
  readonly stages: readonly StagePlan[];
}

export interface StagePlan {
  readonly id: string;
  readonly image: ImagePlan;
  readonly shell: string;
  readonly beforeScript: readonly string[];
  readonly script: readonly string[];
  readonly afterScript: readonly string[];
  /** From the manifest. The CI_* variables are added by the runner. */
  readonly variables: Readonly<Record<string, string>>;
  /** Relative to the workspace, "." for its root; never absolute, never with "..". */
  readonly workingDirectory: string;
  /** As `docker run --user` takes it: a name or id, with a group or without. */
  readonly user?: string;
  readonly needs: readonly Need[];
  readonly when: When;
  readonly timeoutSeconds: number;
  readonly successExit: readonly number[];
  readonly allowFailure: boolean;
  readonly artifacts?: ArtifactsPlan;
  /** How many commits of history the workspace's repository has; 0 for all of it. */
  readonly gitDepth: number;
}

export interface ImagePlan {
  readonly name: string;
  readonly pullPolicy: PullPolicy;
  /** "linux/arm64", for instance; the engine's own when absent. */
  readonly platform?: string;
}

export interface Need {
  readonly stage: string;
  /** Whether the stage's artifacts are put into the workspace. */
  readonly artifacts: boolean;
  /** An optional need that isn't part of the pipeline holds up nothing. */
  readonly optional: boolean;
}

export interface ArtifactsPlan {
  /** Globs relative to the workspace; a folder stands for all that is in it. */
  readonly paths: readonly string[];
  readonly exclude: readonly string[];
  readonly when: "on_success" | "on_failure" | "always";
}

export type When = "on_success" | "on_failure" | "always" | "never";
export type PullPolicy = "if_not_present" | "always" | "never";
