import { expect, test } from "bun:test";
import type { RunRequest } from "../../../src/events/event.ts";
import { givenVariables } from "../../../src/manifest/given.ts";
import { environmentOf } from "../../../src/runner/environment.ts";
import { planOf } from "./bench.ts";

const commit = {
  sha: "0123456789abcdef0123456789abcdef01234567",
  ref: "main",
  branch: "main",
  defaultBranch: "trunk",
  message: "One\n\nTwo 'quoted' ü\n",
};
const request: RunRequest = {
  pipelineId: "p1",
  orgId: "o1",
  repoId: "r1",
  stageId: "build",
  source: { kind: "repository", gitDir: "/srv/a.git", commit },
  variables: {},
};
const identity = { runnerId: "runner-1", version: "1.2.3" };
const plan = planOf("build");
const runId = "run-1";

const always = {
  CI: "true",
  GITFOSS_CI: "true",
  CI_PIPELINE_ID: "p1",
  CI_RUN_ID: "run-1",
  CI_STAGE_ID: "build",
  CI_ORG_ID: "o1",
  CI_REPO_ID: "r1",
  CI_PROJECT_DIR: "/workspace",
  CI_RUNNER_ID: "runner-1",
  CI_RUNNER_VERSION: "1.2.3",
  CI_JOB_ID: "run-1",
  CI_JOB_NAME: "build",
  CI_JOB_NAME_SLUG: "build",
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "/workspace",
};

test("what the runner sets is known to those who check manifests", () => {
  const others = { tag: "v1", author: "a", time: "2026-01-01T00:00:00Z" };
  const tagged = { ...request, source: { ...request.source, commit: { ...commit, ...others } } } as const;
  const names = Object.keys(environmentOf({ runId: "run-1", request: tagged, plan }, identity));
  expect([...givenVariables].toSorted()).toEqual(names.toSorted());
});

test("a stage is told who it is, whose, and of which commit", () => {
  expect(environmentOf({ runId, request, plan }, identity)).toEqual({
    ...always,
    CI_COMMIT_SHA: commit.sha,
    CI_COMMIT_SHORT_SHA: "01234567",
    CI_COMMIT_REF_NAME: "main",
    CI_COMMIT_BRANCH: "main",
    CI_COMMIT_MESSAGE: commit.message,
    CI_COMMIT_TITLE: "One",
    CI_COMMIT_DESCRIPTION: "Two 'quoted' ü\n",
    CI_COMMIT_REF_SLUG: "main",
    CI_DEFAULT_BRANCH: "trunk",
  });
});

test("a tag has no branch, and a bare commit neither", () => {
  const { branch: _branch, defaultBranch: _default, ...bare } = commit;
  const of = (given: typeof bare & { tag?: string }): Record<string, string> =>
    environmentOf(
      { runId, plan, request: { ...request, source: { kind: "repository", gitDir: "/a", commit: given } } },
      identity,
    );
  const common = {
    ...always,
    CI_COMMIT_SHA: commit.sha,
    CI_COMMIT_SHORT_SHA: "01234567",
    CI_COMMIT_REF_NAME: "main",
    CI_COMMIT_MESSAGE: commit.message,
    CI_COMMIT_TITLE: "One",
    CI_COMMIT_DESCRIPTION: "Two 'quoted' ü\n",
    CI_COMMIT_REF_SLUG: "main",
  };
  expect(of(bare)).toEqual(common);
  expect(of({ ...bare, tag: "v1" })).toEqual({ ...common, CI_COMMIT_TAG: "v1" });
});

test("a folder outside git has no commit", () => {
  const source = { kind: "tree", folder: "/a" } as const;
  expect(environmentOf({ runId, plan, request: { ...request, source } }, identity)).toEqual(always);
});

test("the trigger's variables go over the manifest's, and the runner's own over both", () => {
  const environment = environmentOf(
    {
      runId,
      request: { ...request, variables: { BOTH: "trigger", ASKED: "", CI_RUN_ID: "forged", CI: "false" } },
      plan: { ...plan, variables: { BOTH: "manifest", WRITTEN: "yes", CI_COMMIT_SHA: "forged", CI: "no" } },
    },
    identity,
  );
  expect(environment).toMatchObject({
    BOTH: "trigger",
    ASKED: "",
    WRITTEN: "yes",
    CI: "true",
    CI_RUN_ID: "run-1",
    CI_COMMIT_SHA: commit.sha,
  });
});

test("what GitLab's users expect follows from what is known", () => {
  const of = (given: Partial<typeof commit> & { author?: string; time?: string }, stageId = "build") => {
    const source = { kind: "repository", gitDir: "/a", commit: { ...commit, ...given } } as const;
    return environmentOf({ runId, plan, request: { ...request, stageId, source } }, identity);
  };
  expect(of({ ref: "-Feature/Ünder_score-" })).toMatchObject({ CI_COMMIT_REF_SLUG: "feature--nder-score" });
  expect(of({ ref: `${"a".repeat(62)}/b` })).toMatchObject({ CI_COMMIT_REF_SLUG: "a".repeat(62) });
  expect(of({}, "test:20:Alpine")).toMatchObject({ CI_JOB_NAME_SLUG: "test-20-alpine" });
  expect(of({ message: "x".repeat(100) })).toMatchObject({ CI_COMMIT_DESCRIPTION: "x".repeat(100) });
  expect(of({ author: "A <a@b>", time: "2026-01-02T03:04:05Z" })).toMatchObject({
    CI_COMMIT_AUTHOR: "A <a@b>",
    CI_COMMIT_TIMESTAMP: "2026-01-02T03:04:05Z",
  });
});

test("references in the manifest's values are replaced; what the trigger sends is data", () => {
  const environment = environmentOf(
    {
      runId,
      request: { ...request, variables: { SENT: "$WRITTEN $$", OVER: "$CI" } },
      plan: { ...plan, variables: { WRITTEN: "<$SENT|$CI_RUN_ID|$TOKEN|$ABSENT>", OVER: "x", COSTS: "$$5" } },
    },
    identity,
    (name) => (name === "TOKEN" ? "s$CI" : undefined),
  );
  expect(environment).toMatchObject({
    WRITTEN: "<$WRITTEN $$|run-1|s$CI|>",
    SENT: "$WRITTEN $$",
    OVER: "$CI",
    COSTS: "$5",
  });
  expect(environment).not.toHaveProperty("TOKEN");
});
