import { formatBytes } from "../shared/bytes.ts";
import { RunnerError } from "../shared/errors.ts";
import { lookDeadlineMs, runGit } from "./git.ts";

/** One byte more than a manifest may have, so that its own check can say so. */
const maxFileBytes = 1024 * 1024 + 1;
const maxListBytes = 64 * 1024;

/**
 * The bytes of a regular file of a commit. `path` is relative to the top of the repository. Throws `manifest_missing`,
 * and `manifest_invalid` for a file over 1 MiB + 1 byte, of which nothing is read.
 */
export async function readFileAt(
  repository: { readonly gitDir: string },
  sha: string,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  refuseOddPath(path);
  const entry = await entryAt(repository.gitDir, sha, path, signal);
  const name = JSON.stringify(path);
  if (entry === undefined) throw missing(`the commit ${sha} has no file ${name}`);
  const other = otherKindOf(entry.mode);
  if (other !== undefined)
    throw missing(`${name} is ${other} in the commit ${sha}; it must be a regular file`);
  if (entry.sizeBytes > maxFileBytes) {
    const size = formatBytes(entry.sizeBytes);
    throw new RunnerError("manifest_invalid", `${name} has ${size}; a manifest may have 1 MiB at most`);
  }
  const call = { ...lookAt(repository.gitDir), args: ["cat-file", "blob", entry.object] };
  return runGit(call, maxFileBytes, signal);
}

interface Entry {
  readonly mode: string;
  readonly object: string;
  readonly sizeBytes: number;
}

async function entryAt(
  gitDir: string,
  sha: string,
  path: string,
  signal: AbortSignal,
): Promise<Entry | undefined> {
  const args = ["ls-tree", "-z", "--long", "--full-tree", "--end-of-options", sha, path];
  const listing = await runGit({ ...lookAt(gitDir), args }, maxListBytes, signal);
  const [first = ""] = listing.toString().split("\0");
  const [facts = "", name] = first.split("\t");
  const [mode = "", , object = "", size = ""] = facts.split(/ +/);
  return name === path ? { mode, object, sizeBytes: Number(size) || 0 } : undefined;
}

function otherKindOf(mode: string): string | undefined {
  if (mode === "100644" || mode === "100755") return undefined;
  if (mode === "120000") return "a symbolic link";
  if (mode === "160000") return "a submodule";
  return mode === "040000" ? "a folder" : "no regular file";
}

function refuseOddPath(path: string): void {
  const segments = path.split("/");
  const odd = segments.some((segment) => segment === "" || segment === "." || segment === "..");
  if (odd || path.length > 4096 || /[\p{Cc}\\]/u.test(path))
    throw missing(
      `${JSON.stringify(path.slice(0, 200))} isn't a path in the repository; it must be relative, without ".." or "\\"`,
    );
}

function lookAt(gitDir: string): { gitDir: string; deadlineMs: number; failure: "manifest_missing" } {
  return { gitDir, deadlineMs: lookDeadlineMs, failure: "manifest_missing" };
}

function missing(message: string): RunnerError {
  return new RunnerError("manifest_missing", message);
}
