import type { RunRequest } from "../events/event.ts";
import type { StagePlan } from "../plan/plan.ts";
import type { Commit } from "../source/source.ts";

/** Who runs it, for CI_RUNNER_*. */
export interface RunnerIdentity {
  readonly runnerId: string;
  readonly version: string;
}

/** All variables of a stage: the manifest's, the trigger's over them, and over both those that are given to every stage. */
export function environmentOf(
  runId: string,
  request: RunRequest,
  plan: StagePlan,
  identity: RunnerIdentity,
): Record<string, string> {
  return {
    ...plan.variables,
    ...request.variables,
    CI: "true",
    GITFOSS_CI: "true",
    CI_PIPELINE_ID: request.pipelineId,
    CI_RUN_ID: runId,
    CI_STAGE_ID: request.stageId,
    CI_ORG_ID: request.orgId,
    CI_REPO_ID: request.repoId,
    CI_PROJECT_DIR: "/workspace",
    CI_RUNNER_ID: identity.runnerId,
    CI_RUNNER_VERSION: identity.version,
    ...commitVariables(request.source.commit),
    ...gitTrustsWorkspace,
  };
}

/** git refuses a folder of another owner; in the container the workspace often is one. */
const gitTrustsWorkspace = {
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "/workspace",
};

function commitVariables(commit: Commit | undefined): Record<string, string> {
  if (commit === undefined) return {};
  return {
    CI_COMMIT_SHA: commit.sha,
    CI_COMMIT_SHORT_SHA: commit.sha.slice(0, 8),
    CI_COMMIT_REF_NAME: commit.ref,
    CI_COMMIT_MESSAGE: commit.message,
    ...(commit.branch === undefined ? {} : { CI_COMMIT_BRANCH: commit.branch }),
    ...(commit.tag === undefined ? {} : { CI_COMMIT_TAG: commit.tag }),
    ...(commit.defaultBranch === undefined ? {} : { CI_DEFAULT_BRANCH: commit.defaultBranch }),
  };
}
