import type { Draft } from "./draft.ts";
import type { Dialect } from "./import.ts";
import type { Tree } from "./tree.ts";

/** Given to every stage. */
const given = new Set(
  (
    "CI_PIPELINE_ID CI_RUN_ID CI_STAGE_ID CI_ORG_ID CI_REPO_ID CI_COMMIT_SHA CI_COMMIT_SHORT_SHA CI_COMMIT_REF_NAME CI_COMMIT_BRANCH " +
    "CI_COMMIT_TAG CI_COMMIT_MESSAGE CI_DEFAULT_BRANCH CI_PROJECT_DIR CI_RUNNER_ID CI_RUNNER_VERSION"
  ).split(" "),
);

const equals: Readonly<Record<string, string>> = {
  CI_JOB_ID: "CI_RUN_ID",
  CI_JOB_NAME: "CI_STAGE_ID",
  CI_PROJECT_ID: "CI_REPO_ID",
  CI_BUILD_ID: "CI_RUN_ID",
  CI_PIPELINE_NUMBER: "CI_PIPELINE_ID",
  CI_COMMIT_REF_SLUG: "CI_COMMIT_REF_NAME",
  CI_COMMIT_REF: "CI_COMMIT_REF_NAME",
  CI_REPO_DEFAULT_BRANCH: "CI_DEFAULT_BRANCH",
  CI_WORKSPACE: "CI_PROJECT_DIR",
  GITHUB_SHA: "CI_COMMIT_SHA",
  GITHUB_REF_NAME: "CI_COMMIT_REF_NAME",
  GITHUB_WORKSPACE: "CI_PROJECT_DIR",
  GITHUB_RUN_ID: "CI_PIPELINE_ID",
};

const used = /\$\{?((?:CI|GITLAB|GITHUB|RUNNER)_[A-Z][A-Z0-9_]*)/g;

/** Notes the other system's own variables, which nobody sets here. */
export function noteVariables(draft: Draft, trees: readonly Tree[], dialect: Dialect): void {
  const [tree] = trees;
  if (tree === undefined) return;
  const own = new Set([...given, ...Object.keys(draft.variables)]);
  const noted = new Set<string>();
  for (const [stage, keys] of [["", draft.default] as const, ...draft.stages]) {
    const text = JSON.stringify(keys);
    const set = new Set(text.matchAll(/"([A-Z][A-Z0-9_]*)":/g).map(([, name]) => name ?? ""));
    for (const [, name = ""] of text.matchAll(used)) {
      if (own.has(name) || set.has(name) || noted.has(name)) continue;
      noted.add(name);
      const instead = Object.hasOwn(equals, name)
        ? `the nearest here is $${equals[name]}`
        : `give it with the trigger, or under variables`;
      tree.addNote(
        tree.firstLineWith(name),
        `$${name}`,
        `${dialect} sets it, nobody does here; ${instead}`,
        stage || undefined,
      );
    }
  }
}
