import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, realpath, rename, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../shared/bytes.ts";
import { RunnerError } from "../shared/errors.ts";
import { commonDirOf } from "./git-folder.ts";
import { runGit, type GitCall } from "./git.ts";
import { liesIn, realRoots } from "./roots.ts";

export interface LfsCheckout {
  readonly workspace: string;
  /** Of the source, in whose `lfs/objects` the files lie. */
  readonly sourceGitDir: string;
  readonly roots: readonly string[];
}

interface Pointer {
  readonly path: string;
  readonly oid: string;
  readonly size: number;
}

const maxListBytes = 256 * 1024 * 1024;
/** A pointer is a few lines; git-lfs takes nothing longer for one. */
const longestPointer = 1024;
/** Of all files of a checkout together. */
const mostBytes = 16 * 1024 ** 3;
const copyBytes = 1024 * 1024;

/**
 * Puts Git LFS objects in the place of their pointers, for the files whose attributes say `filter=lfs`. No git-lfs is run or needed:
 * the objects are copied from the source's own `lfs/objects`, size and digest checked. `git status` is told to take these files for
 * unchanged, since their contents aren't those that git has.
 */
export async function fillLfs(checkout: LfsCheckout, signal: AbortSignal): Promise<void> {
  const { workspace } = checkout;
  const paths = await pathsOfLfs(workspace, signal);
  const pointers: Pointer[] = [];
  for (const path of paths) {
    const pointer = await pointerAt(workspace, path);
    if (pointer !== undefined) pointers.push(pointer);
  }
  const total = pointers.reduce((sum, { size }) => sum + size, 0);
  if (total > mostBytes)
    throw failure(`the Git LFS files have ${formatBytes(total)}; ${formatBytes(mostBytes)} are allowed`);
  const objects = join(await commonDirOf(checkout.sourceGitDir), "lfs/objects");
  const roots = await realRoots(checkout.roots);
  for (const pointer of pointers) await replace(pointer, { workspace, objects, roots }, signal);
  const input = paths.map((path) => `${path}\0`).join("");
  const args = ["update-index", "--assume-unchanged", "-z", "--stdin"];
  if (paths.length > 0) await runGit({ ...callOf(workspace), args, input }, 1024, signal);
}

async function pathsOfLfs(workspace: string, signal: AbortSignal): Promise<readonly string[]> {
  const call = callOf(workspace);
  const tracked = await runGit({ ...call, args: ["ls-files", "-z"] }, maxListBytes, signal);
  const args = ["check-attr", "-z", "--stdin", "filter"];
  const answered = await runGit({ ...call, args, input: tracked.toString("latin1") }, maxListBytes, signal);
  const words = answered.toString().split("\0");
  return words.filter((_, at) => at % 3 === 0 && words[at + 2] === "lfs");
}

async function pointerAt(workspace: string, path: string): Promise<Pointer | undefined> {
  const file = join(workspace, path);
  const stats = await lstat(file).catch(() => undefined);
  if (stats?.isFile() !== true || stats.size > longestPointer) return undefined;
  const text = await readWhole(file);
  if (!text.startsWith("version https://git-lfs.github.com/spec/v1\n")) return undefined;
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const size = Number(/^size (\d{1,15})$/m.exec(text)?.[1] ?? Number.NaN);
  if (oid === undefined || !Number.isSafeInteger(size))
    throw failure(`the Git LFS pointer of ${JSON.stringify(path)} can't be read; commit the file anew`);
  return { path, oid, size };
}

async function replace(
  { path, oid, size }: Pointer,
  { workspace, objects, roots }: { workspace: string; objects: string; roots: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const what = `the Git LFS object of ${JSON.stringify(path)} (sha256 ${oid})`;
  const place = join(objects, oid.slice(0, 2), oid.slice(2, 4), oid);
  const real = await realpath(place).catch(() => undefined);
  if (real === undefined)
    throw failure(
      `${what} isn't in the repository's lfs/objects; push it there, as \`git lfs push --all\` does`,
    );
  if (!liesIn(real, roots)) throw failure(`${what} lies outside of the configured repository roots`);
  const incoming = join(workspace, ".git/lfs-incoming");
  try {
    const mode = (await lstat(join(workspace, path))).mode & 0o777;
    const copied = await copyHashed(real, incoming, { size, mode }, signal);
    if (copied !== oid) throw failure(`${what} is damaged: its content is another; push it again`);
    await rename(incoming, join(workspace, path));
  } finally {
    await rm(incoming, { force: true });
  }
}

/** The sha256 of what was copied; no more than a byte over `size` is read. */
async function copyHashed(
  from: string,
  to: string,
  { size, mode }: { readonly size: number; readonly mode: number },
  signal: AbortSignal,
): Promise<string> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await source.stat()).isFile()) return "not a file";
    const target = await open(to, "wx", mode);
    try {
      return await pump(source, target, size, signal);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function pump(
  source: FileHandle,
  target: FileHandle,
  size: number,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(copyBytes);
  for (let left = size + 1; left > 0;) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, Math.min(left, copyBytes));
    if (bytesRead === 0) return left === 1 ? hash.digest("hex") : "too short";
    const bytes = buffer.subarray(0, bytesRead);
    hash.update(bytes);
    for (let written = 0; written < bytesRead;) written += (await target.write(bytes, written)).bytesWritten;
    left -= bytesRead;
  }
  return "too long";
}

async function readWhole(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return (await handle.readFile()).toString();
  } finally {
    await handle.close();
  }
}

function callOf(workspace: string): Omit<GitCall, "args"> {
  const gitDir = join(workspace, ".git");
  return { gitDir, workTree: workspace, deadlineMs: 5 * 60_000, failure: "checkout_failed" };
}

function failure(message: string): RunnerError {
  return new RunnerError("checkout_failed", message);
}
