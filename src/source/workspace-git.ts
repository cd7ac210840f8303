import { mkdir, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RunnerError } from "../shared/errors.ts";
import { commonDirOf, readList } from "./git-folder.ts";
import { runGit, startGit, type GitCall } from "./git.ts";
import { cutHistory } from "./history.ts";

/**
 * The `.git` of a workspace. Git works on it alone and borrows the source's objects: nothing of the source's configuration,
 * hooks, refs or attributes is ever read, and in the end the workspace has objects of its own.
 */
export interface WorkspaceGit {
  readonly workspace: string;
  /** Of the source, links resolved. */
  readonly sourceGitDir: string;
  readonly sha: string;
}

/** More is no source tree but an attack: ten objects can describe 10^8 files. */
export const maxEntries = 200_000;
const maxListingBytes = 256 * 1024 * 1024;
const fillDeadlineMs = 15 * 60_000;

type Call = Omit<GitCall, "args"> & { readonly borrowedObjects: string };

/** Git's own layout, written by us: it saves a process, and there are no templates. HEAD is detached at the commit. */
export async function writeGitFolder({ workspace, sha }: WorkspaceGit): Promise<void> {
  const gitDir = join(workspace, ".git");
  for (const folder of ["objects/info", "objects/pack", "refs/heads", "refs/tags"])
    await mkdir(join(gitDir, folder), { recursive: true });
  const format = sha.length === 64 ? ["1", "[extensions]\n\tobjectformat = sha256\n"] : ["0", ""];
  const [version = "", extensions = ""] = format;
  const core = `\trepositoryformatversion = ${version}\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n`;
  await writeFile(join(gitDir, "config"), `[core]\n${core}${extensions}`);
  await writeFile(join(gitDir, "HEAD"), `${sha}\n`);
}

/** Copies `depth` commits and their files' contents into the workspace's repository; 0: all. */
export async function copyHistory(git: WorkspaceGit, depth: number, signal: AbortSignal): Promise<void> {
  const call = await callOf(git);
  const gitDir = call.gitDir;
  const shallow = await readList(join(await commonDirOf(git.sourceGitDir), "shallow"));
  const cutAlready = new Set((shallow ?? "").split("\n").filter((line) => line !== ""));
  const cut = await cutHistory({ ...call, cutAlready }, git.sha, depth, signal);
  if (cut.length > 0) await writeFile(join(gitDir, "shallow"), cut.map((sha) => `${sha}\n`).join(""));
  // No search for deltas: the source's own are taken over, and what isn't packed there isn't worth the time here.
  const options = ["--revs", "-q", "--delta-base-offset", "--window=0", "--compression=1"];
  const args = ["pack-objects", ...options, join(gitDir, "objects/pack/pack")];
  await runGit({ ...call, args, input: `${git.sha}\n` }, 1024, signal);
}

/** Fills the index with the commit's tree, and the working tree too if `files` says so. */
export async function readTree(
  git: WorkspaceGit,
  files: "files" | "index",
  signal: AbortSignal,
): Promise<void> {
  const call = await callOf(git);
  await refuseHugeTree(call, git.sha, signal);
  const args = ["read-tree", "--reset", ...(files === "files" ? ["-u"] : []), git.sha];
  await runGit({ ...call, args }, 1024, signal);
}

/** Folders are counted too: a tree may have 10^8 of them and no file. */
async function refuseHugeTree(call: Call, sha: string, signal: AbortSignal): Promise<void> {
  const listing = startGit(
    { ...call, args: ["ls-tree", "-r", "-t", "-z", "--name-only", sha], input: "" },
    signal,
  );
  let entries = 0;
  let size = 0;
  for await (const chunk of listing.output) {
    size += chunk.length;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, end + 1)) entries++;
    if (entries > maxEntries || size > maxListingBytes) throw tooLarge();
  }
}

export function tooLarge(): RunnerError {
  return new RunnerError(
    "checkout_failed",
    `there are more than ${String(maxEntries)} files and folders to check out`,
  );
}

async function callOf({ workspace, sourceGitDir }: WorkspaceGit): Promise<Call> {
  return {
    gitDir: join(workspace, ".git"),
    workTree: workspace,
    borrowedObjects: await realpath(join(await commonDirOf(sourceGitDir), "objects")),
    deadlineMs: fillDeadlineMs,
    failure: "checkout_failed",
  };
}
