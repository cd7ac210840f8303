import { chmodSync, lstatSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { together } from "../shared/abort.ts";
import { copyFiles } from "./copy-files.ts";
import { asGitDir, gitDirOfTree } from "./git-folder.ts";
import { fillLfs } from "./lfs.ts";
import type { Source } from "./source.ts";
import { fillSubmodules, SubmoduleBudget } from "./submodules.ts";
import { bytesOf, listAll, listByGit } from "./tree-files.ts";
import { copyHistory, readTree, writeGitFolder, type WorkspaceGit } from "./workspace-git.ts";

export interface Checkout {
  readonly source: Source;
  /** Made when it isn't there; whatever is in it is removed. */
  readonly workspace: string;
  /** How many commits of history the workspace's repository gets; 0: all. */
  readonly depth: number;
  /** Absent: their folders stay empty. */
  readonly submodules?: "normal" | "recursive" | undefined;
  /** True: Git LFS objects stand in the place of their pointers. */
  readonly lfs?: true | undefined;
  /** Under which submodules and Git LFS objects must lie; links resolved before they are compared. */
  readonly roots?: readonly string[];
}

/**
 * Puts the source's files into the workspace, with a working `.git` at the source's commit, that knows nothing of the
 * source's place. Runs nothing of the source's. Throws `checkout_failed`, or `disk_full`.
 */
export async function checkOut(checkout: Checkout, signal: AbortSignal): Promise<void> {
  try {
    await fill(checkout, signal);
    const { source, workspace, depth, lfs, submodules, roots = [] } = checkout;
    if (submodules === undefined) return;
    const rest = { depth, roots, lfs };
    const superproject = { source, workspace, submodules, roots };
    const first = { budget: new SubmoduleBudget(), level: 1 };
    await fillSubmodules(superproject, (one, all) => fill({ ...one, ...rest }, all), first, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw translate(error);
  }
}

async function fill(checkout: Checkout, signal: AbortSignal): Promise<void> {
  const { source, workspace, lfs, roots = [] } = checkout;
  await emptyFolder(workspace);
  await (source.kind === "tree" ? fillFromTree : fillFromRepository)(checkout, signal);
  if (lfs !== true || source.commit === undefined) return;
  const sourceGitDir = source.kind === "tree" ? await gitDirOfTree(source.folder) : source.gitDir;
  if (sourceGitDir !== undefined) await fillLfs({ workspace, sourceGitDir, roots }, signal);
}

async function fillFromRepository(
  { source, workspace, depth }: Checkout,
  signal: AbortSignal,
): Promise<void> {
  if (source.kind !== "repository") return;
  const sourceGitDir = await asGitDir(source.gitDir);
  if (sourceGitDir === undefined) throw failure("the repository isn't there any more");
  const git: WorkspaceGit = { workspace, sourceGitDir, sha: source.commit.sha };
  await writeGitFolder(git);
  await together(
    (both) => readTree(git, "files", both),
    (both) => copyHistory(git, depth, both),
    signal,
  );
}

async function fillFromTree({ source, workspace, depth }: Checkout, signal: AbortSignal): Promise<void> {
  if (source.kind !== "tree") return;
  const { folder, commit, isSnapshot } = source;
  if (isSnapshot === true) {
    return copyFiles(await listAll(folder, "with .git", signal), folder, workspace, signal);
  }
  const gitDir = await gitDirOfTree(folder);
  if (gitDir === undefined) {
    return copyFiles(await listAll(folder, "without .git", signal), folder, workspace, signal);
  }
  await together(
    async (both) => copyFiles(await listByGit(folder, gitDir, both), folder, workspace, both),
    async (both) => {
      if (commit === undefined) return;
      const git: WorkspaceGit = { workspace, sourceGitDir: gitDir, sha: commit.sha };
      await writeGitFolder(git);
      await together(
        (all) => readTree(git, "index", all),
        (all) => copyHistory(git, depth, all),
        both,
      );
    },
    signal,
  );
}

/** Emptied, not replaced: a container may have it mounted already. */
async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(Buffer.from(folder), { encoding: "buffer" }))
    await rm(bytesOf(folder, name.toString("latin1")), { recursive: true, force: true });
}

/** Lets everyone read and write all of it, for a stage that runs as somebody else. Links are left alone, and never followed. */
export async function openToAll(workspace: string): Promise<void> {
  const folders = [""];
  let looked = 0;
  chmodToAll(Buffer.from(workspace));
  for (let inside = folders.pop(); inside !== undefined; inside = folders.pop()) {
    for (const entry of await readdir(bytesOf(workspace, inside), { encoding: "buffer" })) {
      const name = `${inside}${entry.toString("latin1")}`;
      if (chmodToAll(bytesOf(workspace, name)) === "folder") folders.push(`${name}/`);
      if (++looked % entriesPerTurn === 0) await setImmediate();
    }
  }
}

/** Synchronous calls take a sixth of the time here; in slices, so that nobody else waits long. */
const entriesPerTurn = 500;

/** a+rwX */
function chmodToAll(path: Buffer): "folder" | "other" {
  const stats = lstatSync(path);
  const isFolder = stats.isDirectory();
  if (!isFolder && !stats.isFile()) return "other";
  const execute = isFolder || (stats.mode & 0o111) !== 0 ? 0o111 : 0;
  const mode = (stats.mode & 0o777) | 0o666 | execute;
  if (mode !== (stats.mode & 0o7777)) chmodSync(path, mode);
  return isFolder ? "folder" : "other";
}

function translate(error: unknown): unknown {
  if (error instanceof RunnerError) return error;
  const code = systemCodeOf(error);
  if (code === undefined) return error;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new RunnerError("disk_full", "the disk is full: the workspace couldn't be filled", {
      cause: error,
    });
  return failure(`the workspace couldn't be filled (${code})`, error);
}

function failure(message: string, cause?: unknown): RunnerError {
  return new RunnerError("checkout_failed", message, { cause });
}
