import { workingTree } from "./changes.ts";
import { gitDirOfTree } from "./git-folder.ts";
import { lookDeadlineMs } from "./git.ts";
import { listPaths } from "./path-list.ts";
import type { Source } from "./source.ts";
import { listAll, listByGit, pathOf } from "./tree-files.ts";

/** The files of a commit; of a working tree those that git doesn't ignore. As paths. Throws `repository_invalid` or `checkout_failed`. */
export async function presentFiles(source: Source, signal: AbortSignal): Promise<readonly string[]> {
  const limits = { deadlineMs: lookDeadlineMs, failure: "repository_invalid" } as const;
  if (source.kind === "repository") {
    const { gitDir, commit } = source;
    const args = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", commit.sha];
    return listPaths({ args, gitDir, ...limits }, signal);
  }
  const folder = workingTree(source);
  const gitDir = await gitDirOfTree(folder);
  if (gitDir === undefined) return (await listAll(folder, "without .git", signal)).map(pathOf);
  const args = ["ls-files", "-z", "--deleted"];
  const [names, deleted] = await Promise.all([
    listByGit(folder, gitDir, signal),
    listPaths({ args, gitDir, workTree: folder, ...limits }, signal),
  ]);
  const gone = new Set(deleted);
  return names.map(pathOf).filter((path) => !gone.has(path));
}
