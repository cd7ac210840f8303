import { copyFile, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCodeOf } from "../shared/errors.ts";
import { commonDirOf } from "./git-folder.ts";
import { lookDeadlineMs } from "./git.ts";
import { listPaths } from "./path-list.ts";
import type { Commit } from "./source.ts";
import { writeGitFolder } from "./workspace-git.ts";

export interface WorkingTree {
  readonly folder: string;
  readonly gitDir: string;
  readonly commit: Commit;
  /** The commit to compare with. */
  readonly base: string;
}

/** The files of a working tree that differ from a commit: committed, uncommitted and untracked ones, but none that git ignores. */
export async function differingFromTree(tree: WorkingTree, signal: AbortSignal): Promise<readonly string[]> {
  const [tracked, untracked] = await Promise.all([
    trackedChanges(tree, signal),
    untrackedFiles(tree, signal),
  ]);
  return [...new Set([...tracked, ...untracked])];
}

/**
 * Whether a file is as the index has it may need its content, and git passes that through the filters which the repository's configuration
 * names: programs. So git works on a folder of ours, with a copy of the index, and that configuration is never read.
 */
async function trackedChanges(
  { folder, gitDir, commit, base }: WorkingTree,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const own = await mkdtemp(join(tmpdir(), "gitfoss-changes-"));
  try {
    await writeGitFolder({ workspace: own, sourceGitDir: gitDir, sha: commit.sha });
    await copyIndex(gitDir, join(own, ".git"));
    const options = ["-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv"];
    const call = {
      args: ["diff-index", ...options, "--ignore-submodules=dirty", base],
      gitDir: join(own, ".git"),
      workTree: folder,
      borrowedObjects: await realpath(join(await commonDirOf(gitDir), "objects")),
      deadlineMs: lookDeadlineMs * 4,
      failure: "repository_invalid",
    } as const;
    return await listPaths(call, signal);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** With the part that a split index shares. A repository to which nothing was ever added has none. */
async function copyIndex(from: string, to: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => name === "index" || name.startsWith("sharedindex."));
  for (const name of names) {
    await copyFile(join(from, name), join(to, name)).catch((error: unknown) => {
      if (systemCodeOf(error) !== "ENOENT") throw error; // git replaced it meanwhile
    });
  }
}

async function untrackedFiles(
  { folder, gitDir }: WorkingTree,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const args = ["ls-files", "-z", "--others", "--exclude-standard"];
  const limits = { deadlineMs: lookDeadlineMs * 4, failure: "repository_invalid" } as const;
  const call = { args, gitDir, workTree: folder, userIgnores: true, ...limits };
  return listPaths(call, signal);
}
