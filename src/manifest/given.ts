/** Variables that the runner sets for every stage, over whatever else has set them. */
export const givenVariables: ReadonlySet<string> = new Set([
  "CI",
  "GITFOSS_CI",
  "CI_PIPELINE_ID",
  "CI_RUN_ID",
  "CI_STAGE_ID",
  "CI_ORG_ID",
  "CI_REPO_ID",
  "CI_JOB_ID",
  "CI_JOB_NAME",
  "CI_JOB_NAME_SLUG",
  "CI_COMMIT_SHA",
  "CI_COMMIT_SHORT_SHA",
  "CI_COMMIT_REF_NAME",
  "CI_COMMIT_BRANCH",
  "CI_COMMIT_TAG",
  "CI_COMMIT_REF_SLUG",
  "CI_COMMIT_MESSAGE",
  "CI_COMMIT_TITLE",
  "CI_COMMIT_DESCRIPTION",
  "CI_COMMIT_AUTHOR",
  "CI_COMMIT_TIMESTAMP",
  "CI_DEFAULT_BRANCH",
  "CI_PROJECT_DIR",
  "CI_RUNNER_ID",
  "CI_RUNNER_VERSION",
  "GIT_CONFIG_COUNT",
  "GIT_CONFIG_KEY_0",
  "GIT_CONFIG_VALUE_0",
]);

export function isGiven(name: string): boolean {
  return givenVariables.has(name);
}
