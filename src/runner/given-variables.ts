import type { Commit } from "../source/source.ts";
import type { RunFacts } from "./environment.ts";

/** Who runs it, for CI_RUNNER_*. */
export interface RunnerIdentity {
  readonly runnerId: string;
  readonly version: string;
}

interface Facts extends RunFacts {
  readonly commit: Commit | undefined;
  readonly identity: RunnerIdentity;
}

/**
 * The variables that every stage is given, its rules and its keys too. What isn't known isn't set. Those of GitLab that aren't
 * here would be guesses; of its jobs we speak as stages, so CI_JOB_NAME is CI_STAGE_ID.
 */
const table: Readonly<Record<string, (facts: Facts) => string | undefined>> = {
  CI: () => "true",
  GITFOSS_CI: () => "true",
  CI_PIPELINE_ID: ({ request }) => request.pipelineId,
  CI_RUN_ID: ({ runId }) => runId,
  CI_STAGE_ID: ({ request }) => request.stageId,
  CI_ORG_ID: ({ request }) => request.orgId,
  CI_REPO_ID: ({ request }) => request.repoId,
  CI_PROJECT_DIR: () => "/workspace",
  CI_RUNNER_ID: ({ identity }) => identity.runnerId,
  CI_RUNNER_VERSION: ({ identity }) => identity.version,
  CI_JOB_ID: ({ runId }) => runId,
  CI_JOB_NAME: ({ request }) => request.stageId,
  CI_JOB_NAME_SLUG: ({ request }) => slugOf(request.stageId),
  CI_COMMIT_SHA: ({ commit }) => commit?.sha,
  CI_COMMIT_SHORT_SHA: ({ commit }) => commit?.sha.slice(0, 8),
  CI_COMMIT_REF_NAME: ({ commit }) => commit?.ref,
  CI_COMMIT_REF_SLUG: ({ commit }) => commit && slugOf(commit.ref),
  CI_COMMIT_BRANCH: ({ commit }) => commit?.branch,
  CI_COMMIT_TAG: ({ commit }) => commit?.tag,
  CI_COMMIT_MESSAGE: ({ commit }) => commit?.message,
  CI_COMMIT_TITLE: ({ commit }) => commit?.message.split("\n", 1)[0],
  CI_COMMIT_DESCRIPTION: ({ commit }) => commit && descriptionOf(commit.message),
  CI_COMMIT_AUTHOR: ({ commit }) => commit?.author,
  CI_COMMIT_TIMESTAMP: ({ commit }) => commit?.time,
  CI_DEFAULT_BRANCH: ({ commit }) => commit?.defaultBranch,
};

export function givenVariables(run: RunFacts, identity: RunnerIdentity): Record<string, string> {
  const facts = { ...run, identity, commit: run.request.source.commit };
  const given = Object.entries(table).map(([name, valueOf]) => [name, valueOf(facts)] as const);
  return Object.fromEntries(
    given.filter((entry): entry is readonly [string, string] => entry[1] !== undefined),
  );
}

/** Good as a part of a host name: lower case, at most 63 letters, digits and "-", none at its ends. */
function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "-")
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, "");
}

/** As GitLab has it: without the first line, unless that is longer than a title should be. */
function descriptionOf(message: string): string {
  const [title = "", ...rest] = message.split("\n");
  return title.length < 100 ? rest.join("\n").trimStart() : message;
}
