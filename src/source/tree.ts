import { realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { readCommit, wordsOf } from "./commit.ts";
import { defaultBranchOfTree } from "./default-branch.ts";
import { branchAtHead, gitDirOfTree } from "./git-folder.ts";
import type { Commit, Source } from "./source.ts";

/**
 * The working tree that `folder` is in, from its top, and what is checked out there; outside of git the folder itself.
 * Throws `repository_invalid`.
 */
export async function openTree(folder: string, signal: AbortSignal): Promise<Source & { kind: "tree" }> {
  const start = await existing(folder);
  const found = await findTree(start);
  if (found === undefined) return { kind: "tree", folder: start };
  const commit = await commitAtHead(found.gitDir, signal);
  return { kind: "tree", folder: found.top, ...(commit === undefined ? {} : { commit }) };
}

async function existing(folder: string): Promise<string> {
  try {
    const place = await realpath(folder);
    if ((await stat(place)).isDirectory()) return place;
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "")) throw error;
  }
  throw new RunnerError("repository_invalid", `${JSON.stringify(folder)} isn't a folder`);
}

async function findTree(
  start: string,
): Promise<{ readonly top: string; readonly gitDir: string } | undefined> {
  for (let top = start; ; top = dirname(top)) {
    const gitDir = await gitDirOfTree(top);
    if (gitDir !== undefined) {
      await refuseForeign(start, top);
      return { top, gitDir };
    }
    if (top === "/") return undefined;
  }
}

/** As git does: a stranger's repository above ours (in /tmp, say) mustn't decide what we run on. */
async function refuseForeign(start: string, top: string): Promise<void> {
  const owner = (await stat(join(top, ".git"))).uid;
  const known = [0, process.geteuid?.(), (await stat(start)).uid];
  if (!known.includes(owner))
    throw new RunnerError(
      "repository_invalid",
      `${JSON.stringify(join(top, ".git"))} belongs to another user (uid ${String(owner)})`,
    );
}

async function commitAtHead(gitDir: string, signal: AbortSignal): Promise<Commit | undefined> {
  const found = await readCommit(gitDir, "HEAD", "repository_invalid", signal);
  if (found === undefined) return undefined;
  const branch = await branchAtHead(gitDir);
  const defaultBranch = await defaultBranchOfTree(gitDir, branch, signal);
  return {
    sha: found.sha,
    ref: branch ?? "HEAD",
    ...(branch === undefined ? {} : { branch }),
    ...(defaultBranch === undefined ? {} : { defaultBranch }),
    ...wordsOf(found),
  };
}
