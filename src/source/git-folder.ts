import { readFile, realpath, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";

/** Links of git's own are a line or two; lists of shallow commits may be longer. */
const maxLinkBytes = 64 * 1024;
const maxListBytes = 16 * 1024 * 1024;
const absent = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);

/** The git directory of a working tree (`.git`, a folder or a file that names one), links resolved; undefined without one. */
export async function gitDirOfTree(folder: string): Promise<string | undefined> {
  const dotGit = join(folder, ".git");
  if (await isFolder(dotGit)) return asGitDir(dotGit);
  const link = /^gitdir: (.+?)\n*$/s.exec((await readSmall(dotGit)) ?? "")?.[1];
  return link === undefined ? undefined : asGitDir(resolve(folder, link));
}

/** The folder's real place when it is a git directory, as git itself tells one. */
export async function asGitDir(folder: string): Promise<string | undefined> {
  const head = await readSmall(join(folder, "HEAD"));
  if (head === undefined || !/^(ref: |[0-9a-f]{40})/.test(head)) return undefined;
  const gitDir = await realpath(folder);
  const common = await commonDirOf(gitDir);
  const whole = (await isFolder(join(common, "objects"))) && (await isFolder(join(common, "refs")));
  return whole ? gitDir : undefined;
}

/** Where the objects and branches are: the git directory itself, but for a linked working tree the main one's. */
export async function commonDirOf(gitDir: string): Promise<string> {
  const link = await readSmall(join(gitDir, "commondir"));
  return link === undefined ? gitDir : resolve(gitDir, link.replace(/\n+$/, ""));
}

/** What HEAD names: the branch, or undefined when it is detached. */
export async function branchAtHead(gitDir: string): Promise<string | undefined> {
  return branchIn(await readSmall(join(gitDir, "HEAD")), "refs/heads/");
}

/** The branch of the remote that `git clone` found at its HEAD, if the repository has such a remote. */
export async function branchAtOrigin(gitDir: string): Promise<string | undefined> {
  const link = await readSmall(join(await commonDirOf(gitDir), "refs/remotes/origin/HEAD"));
  return branchIn(link, "refs/remotes/origin/");
}

function branchIn(link: string | undefined, prefix: string): string | undefined {
  const target = /^ref: *(.+?)\s*$/.exec(link ?? "")?.[1];
  // With the reftable format the file is there for show.
  if (target === "refs/heads/.invalid") return undefined;
  return target?.startsWith(prefix) === true ? target.slice(prefix.length) : undefined;
}

/** Undefined when there's no such file. What git would read, but we can't, is refused: it might lead anywhere. */
export function readSmall(file: string): Promise<string | undefined> {
  return readUpTo(file, maxLinkBytes);
}

export function readList(file: string): Promise<string | undefined> {
  return readUpTo(file, maxListBytes);
}

async function readUpTo(file: string, maxBytes: number): Promise<string | undefined> {
  try {
    const stats = await stat(file);
    if (stats.isDirectory()) return undefined;
    if (!stats.isFile() || stats.size > maxBytes)
      throw new RunnerError(
        "repository_invalid",
        `the repository is refused: its \`${basename(file)}\` isn't a small file`,
      );
    return await readFile(file, "utf8");
  } catch (error) {
    if (absent.has(systemCodeOf(error) ?? "")) return undefined;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (absent.has(systemCodeOf(error) ?? "")) return false;
    throw error;
  }
}
