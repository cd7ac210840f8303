import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { readCommit, wordsOf } from "./commit.ts";
import { asGitDir, branchAtHead, branchAtOrigin, gitDirOfTree } from "./git-folder.ts";
import { lookDeadlineMs, runGit } from "./git.ts";
import { candidatesOf, isFullSha, isShortSha, kindOf, refuseOddRef } from "./ref.ts";
import { liesIn, realRoots, refuseWaysOut } from "./roots.ts";
import type { Commit } from "./source.ts";

export { readFileAt } from "./read-file.ts";

/** A git repository that was found to lie, with all it refers to, under the configured roots. */
export interface Repository {
  /** Absolute, links resolved. */
  readonly gitDir: string;
}

const maxRefListBytes = 16 * 1024 * 1024;
const maxPathLength = 4096;

/** A bare repository or a working tree, absolute, under one of `repoRoots` after resolving links. Throws `repository_invalid`. */
export async function openRepository(gitRepoDir: string, repoRoots: readonly string[]): Promise<Repository> {
  const name = nameOf(gitRepoDir);
  const roots = await realRoots(repoRoots);
  try {
    const folder = await realpath(gitRepoDir);
    if (!liesIn(folder, roots)) throw outside(name);
    const gitDir = (await gitDirOfTree(folder)) ?? (await asGitDir(folder));
    if (gitDir === undefined) throw invalid(`${name} isn't a git repository`);
    await refuseWaysOut(gitDir, roots);
    return { gitDir };
  } catch (error) {
    if (error instanceof RunnerError) throw error;
    // Of what lies outside of the roots not even the absence is told.
    if (!liesIn(resolve(gitRepoDir), [...repoRoots.map((root) => resolve(root)), ...roots]))
      throw outside(name);
    throw invalid(`${name} ${whyUnreadable(error)}`, error);
  }
}

/**
 * Resolves a branch, tag, full ref name or commit sha (whole, or its first digits) to a commit that the repository has;
 * undefined: its HEAD. A branch comes before a tag of the same name. Throws `repository_invalid`.
 */
export async function resolveCommit(
  repository: Repository,
  ref: string | undefined,
  signal: AbortSignal,
): Promise<Commit> {
  const { gitDir } = repository;
  if (ref !== undefined) refuseOddRef(ref);
  const head = await branchAtHead(gitDir);
  const wanted = await whatIsMeant(gitDir, ref, head, signal);
  const commit = await readCommit(gitDir, wanted.name, "repository_invalid", signal);
  if (commit === undefined) throw missing(ref, head);
  const { name: _name, ...kind } = wanted;
  const defaultBranch = (await branchAtOrigin(gitDir)) ?? head;
  return {
    sha: commit.sha,
    ref: ref ?? head ?? "HEAD",
    ...kind,
    ...(defaultBranch === undefined ? {} : { defaultBranch }),
    ...wordsOf(commit),
  };
}

/** `name`: what git finds exactly one object by. */
interface Meant {
  readonly name: string;
  readonly branch?: string;
  readonly tag?: string;
}

async function whatIsMeant(
  gitDir: string,
  ref: string | undefined,
  head: string | undefined,
  signal: AbortSignal,
): Promise<Meant> {
  if (ref === undefined || ref === "HEAD") return { name: "HEAD", ...branchOf(head) };
  const name = await fullNameOf(gitDir, ref, signal);
  if (name === undefined) throw missing(ref, head);
  return { name, ...kindOf(name) };
}

/** Undefined when the repository has no such ref and it can't be a sha. */
async function fullNameOf(gitDir: string, ref: string, signal: AbortSignal): Promise<string | undefined> {
  if (isFullSha(ref)) return ref;
  const candidates = candidatesOf(ref);
  const args = ["for-each-ref", "--format=%(refname)", "--", ...candidates];
  const call = { args, gitDir, deadlineMs: lookDeadlineMs, failure: "repository_invalid" } as const;
  const found = new Set((await runGit(call, maxRefListBytes, signal)).toString().split("\n"));
  return candidates.find((name) => found.has(name)) ?? (isShortSha(ref) ? ref : undefined);
}

function nameOf(gitRepoDir: string): string {
  if (gitRepoDir.length > maxPathLength) throw invalid("the repository's path is too long");
  if (/\p{Cc}/u.test(gitRepoDir)) throw invalid("the repository's path has control characters");
  const name = JSON.stringify(gitRepoDir);
  if (!gitRepoDir.startsWith("/")) throw invalid(`${name} isn't an absolute path`);
  return name;
}

function whyUnreadable(error: unknown): string {
  const code = systemCodeOf(error);
  if (code === "ENOENT") return "doesn't exist";
  if (code === "ENOTDIR") return "isn't a folder";
  if (code === "EACCES" || code === "EPERM") return "can't be read by the runner; check its permissions";
  return `can't be opened (${code ?? "unknown error"})`;
}

function branchOf(head: string | undefined): { readonly branch?: string } {
  return head === undefined ? {} : { branch: head };
}

function missing(ref: string | undefined, head: string | undefined): RunnerError {
  if (ref !== undefined)
    return invalid(
      `the repository has no branch, tag or commit ${JSON.stringify(ref)}, or more than one commit that begins so`,
    );
  const where = head === undefined ? "at its HEAD" : `on its branch ${JSON.stringify(head)}`;
  return invalid(`the repository has no commit ${where}; push one, or name a ref`);
}

function outside(name: string): RunnerError {
  return invalid(
    `${name} lies outside of the configured repository roots (see \`gitfoss-ci-runner config get repoRoots\`)`,
  );
}

function invalid(message: string, cause?: unknown): RunnerError {
  return new RunnerError("repository_invalid", message, { cause });
}
