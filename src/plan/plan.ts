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
  /** Of a combination of a matrix, the id that the manifest has: "test" of "test:20:alpine". */
  readonly matrixOf?: string;
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
  /** True: any failure is tolerated; a list: that of a script that ended with one of these codes. */
  readonly allowFailure: boolean | readonly number[];
  readonly artifacts?: ArtifactsPlan;
  /** How many commits of history the workspace's repository has; 0 for all of it. */
  readonly gitDepth: number;
  readonly gitSubmodules?: "normal" | "recursive";
  readonly gitLfs?: true;
  /** Still to be decided, for what they ask is known of a commit only; none once a run has been accepted. */
  readonly rules?: readonly RulePlan[];
  /** Why its rules leave it out: it's `PASSED` without having run. */
  readonly leftOut?: string;
  /** Rules are applied and variables in place: nothing of it is to be decided again, though a run be submitted again. */
  readonly decided?: true;
  /** What its log begins with: what couldn't be told exactly when it was decided. */
  readonly notes?: readonly string[];
  readonly secrets?: readonly SecretPlan[];
  readonly services?: readonly ServicePlan[];
  readonly caches?: readonly CachePlan[];
  /** Globs over tracked files: when these are as they were, an earlier `SUCCESS` stands for the run. */
  readonly inputs?: readonly string[];
  readonly retry?: RetryPlan;
  readonly resources?: ResourcesPlan;
  /** Absent: the engine's own. */
  readonly network?: "none";
  readonly concurrency?: ConcurrencyPlan;
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
  readonly when: OutcomeWhen;
  /** How long they are kept after the run's end; for as long as the run when absent. */
  readonly expireSeconds?: number;
  /** Globs of test reports, which are read into the verdict. */
  readonly junit?: readonly string[];
}

/** The first whose conditions all hold decides; a stage that none fits is left out. */
export interface RulePlan {
  /** In the expression language of manifest/expression.ts. */
  readonly if?: string;
  /** Globs of tracked files, one of which differs from what the commit is compared with. */
  readonly changes?: readonly string[];
  /** Globs, one of which a tracked file fits. */
  readonly exists?: readonly string[];
  readonly when?: When;
  readonly variables: Readonly<Record<string, string>>;
  readonly allowFailure?: boolean | readonly number[];
}

export interface SecretPlan {
  /** The variable that holds it, or the path of its file. */
  readonly variable: string;
  /** As the trigger or the runner's store of secrets has it. */
  readonly name: string;
  readonly file: boolean;
  /** When nobody has it, the variable isn't set. */
  readonly optional?: true;
}

/** A container beside the stage's, reached by its alias. */
export interface ServicePlan {
  readonly image: ImagePlan;
  /** Absent: the last part of the image's name. */
  readonly alias?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** Absent: the image's own, else whether a port that the image exposes accepts. */
  readonly healthcheck?: HealthcheckPlan;
}

export interface HealthcheckPlan {
  /** A command for the service's shell, or a program with its arguments. */
  readonly test: string | readonly string[];
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  /** Failures within it don't count. */
  readonly startSeconds: number;
}

export interface CachePlan {
  /** A text, or the digest of files with a prefix. */
  readonly key: string | { readonly files: readonly string[]; readonly prefix: string };
  readonly fallbackKeys: readonly string[];
  /** Globs relative to the workspace. */
  readonly paths: readonly string[];
  readonly policy: "pull-push" | "pull" | "push";
  readonly when: OutcomeWhen;
}

export interface RetryPlan {
  /** How many more times, after the first. */
  readonly max: number;
  /** Causes of the API; any when both lists are absent. */
  readonly when?: readonly string[];
  readonly exitCodes?: readonly number[];
}

/** Absent: the engine's or the runner's own. */
export interface ResourcesPlan {
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
  readonly shmBytes?: number;
}

/** Of the runs of a repository that name the same group, so many run at the same time. */
export interface ConcurrencyPlan {
  readonly group: string;
  readonly limit: number;
  /** A new run ends the older ones of other pipelines. */
  readonly cancelInProgress: boolean;
}

/** By how the script ended. */
export type OutcomeWhen = "on_success" | "on_failure" | "always";

export type When = "on_success" | "on_failure" | "always" | "never";
export type PullPolicy = "if_not_present" | "always" | "never";
