import { branchAtOrigin } from "./git-folder.ts";
import { lookDeadlineMs, runGit } from "./git.ts";

const customary = ["main", "master"];
const maxListBytes = 4096;

/**
 * The default branch of the repository of a working tree: the one at its origin's HEAD. Without an origin nobody has said; then it's
 * the customary one that the repository has, else the one that is checked out.
 */
export async function defaultBranchOfTree(
  gitDir: string,
  head: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const atOrigin = await branchAtOrigin(gitDir);
  if (atOrigin !== undefined) return atOrigin;
  if (head !== undefined && customary.includes(head)) return head;
  const args = [
    "for-each-ref",
    "--format=%(refname)",
    "--",
    ...customary.map((name) => `refs/heads/${name}`),
  ];
  const call = { args, gitDir, deadlineMs: lookDeadlineMs, failure: "repository_invalid" } as const;
  const found = (await runGit(call, maxListBytes, signal)).toString().split("\n");
  return customary.find((name) => found.includes(`refs/heads/${name}`)) ?? head;
}
