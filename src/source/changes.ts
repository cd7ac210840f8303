import { CommitReader } from "./cat-file.ts";
import { parseCommit } from "./commit.ts";
import { gitDirOfTree } from "./git-folder.ts";
import { lookDeadlineMs, runGit, type GitCall } from "./git.ts";
import type { Commit, Source } from "./source.ts";
import { listPaths } from "./path-list.ts";
import { differingFromTree } from "./tree-changes.ts";

const maxAnswerBytes = 4096;

/** What differs from what came before. */
export type Changes =
  | {
      readonly kind: "some";
      /** Relative, of files that are there and of files that are gone. */
      readonly paths: readonly string[];
      /** Where it was compared with something else than it should have been: what and why. */
      readonly note?: string;
    }
  | { readonly kind: "all"; readonly why: string };

/**
 * On a branch other than the default one the files that differ since the merge base with that one; else since the first parent. Of a
 * working tree what isn't committed counts too. Runs nothing of the repository's. Throws `repository_invalid`.
 */
export async function changesOf(source: Source, signal: AbortSignal): Promise<Changes> {
  const { commit } = source;
  const gitDir = source.kind === "repository" ? source.gitDir : await gitDirOfTree(workingTree(source));
  if (gitDir === undefined || commit === undefined) {
    return { kind: "all", why: "there is no commit to compare with" };
  }
  const base = await baseOf(gitDir, commit, signal);
  if ("why" in base) return { kind: "all", why: base.why };
  const { sha, ...note } = base;
  const paths =
    source.kind === "repository"
      ? await differing(gitDir, sha, commit.sha, signal)
      : await differingFromTree({ folder: workingTree(source), gitDir, commit, base: sha }, signal);
  return { kind: "some", paths, ...note };
}

/** Of a copy, the tree that it was made of: the copy has not all of the history. */
export function workingTree({ folder, origin }: Source & { readonly kind: "tree" }): string {
  return origin ?? folder;
}

type Base = { readonly sha: string; readonly note?: string } | { readonly why: string };

async function baseOf(gitDir: string, commit: Commit, signal: AbortSignal): Promise<Base> {
  const { branch, defaultBranch } = commit;
  if (branch === undefined || defaultBranch === undefined || branch === defaultBranch) {
    return firstParent(gitDir, commit.sha, signal);
  }
  const sha = await mergeBase(gitDir, commit.sha, defaultBranch, signal);
  if (sha !== undefined) return { sha };
  const parent = await firstParent(gitDir, commit.sha, signal);
  if ("why" in parent) return parent;
  const note = `no commit is known from which both this branch and ${defaultBranch} come: compared with the first parent`;
  return { ...parent, note };
}

/** undefined when the repository has no such branch, or none of the history that the two share. */
async function mergeBase(
  gitDir: string,
  sha: string,
  branch: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  // What was fetched is what the forge has; a branch of the same name may lie behind.
  const names = [`refs/remotes/origin/${branch}`, `refs/heads/${branch}`];
  const list = ["for-each-ref", "--format=%(refname)", "--", ...names];
  const found = await lines(gitDir, list, signal);
  const name = names.find((each) => found.includes(each));
  if (name === undefined) return undefined;
  try {
    const [base = ""] = await lines(gitDir, ["merge-base", sha, name], signal);
    return /^[0-9a-f]{40,64}$/.test(base) ? base : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined; // git's answer, as an exit code, is that there is none
  }
}

async function firstParent(gitDir: string, sha: string, signal: AbortSignal): Promise<Base> {
  const reader = new CommitReader({ gitDir }, "repository_invalid", signal);
  try {
    const [object] = await reader.read([sha]);
    const [parent] = object === undefined ? [] : parseCommit(object).parents;
    if (parent === undefined) return { why: "there is no commit before it" };
    const [present] = await reader.read([parent]);
    return present === undefined ? { why: "the history is cut before it" } : { sha: parent };
  } finally {
    await reader.close();
  }
}

async function differing(
  gitDir: string,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const options = ["-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv"];
  return listPaths({ ...lookAt(gitDir), args: ["diff-tree", ...options, from, to] }, signal);
}

async function lines(gitDir: string, args: readonly string[], signal: AbortSignal): Promise<string[]> {
  return (await runGit({ ...lookAt(gitDir), args }, maxAnswerBytes, signal)).toString().split("\n");
}

function lookAt(gitDir: string): Omit<GitCall, "args" | "input"> {
  return { gitDir, deadlineMs: lookDeadlineMs, failure: "repository_invalid" };
}
