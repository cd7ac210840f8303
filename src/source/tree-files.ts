import { lstat, readdir } from "node:fs/promises";
import { lookDeadlineMs, runGit } from "./git.ts";
import { maxEntries, tooLarge } from "./workspace-git.ts";

/** File names are bytes: one character of a `Name` is one byte, as in latin1. Relative, "/" between the parts. */
export type Name = string;

const maxListBytes = 256 * 1024 * 1024;
const slash = "/";

/** For what compares names with what a manifest says: they are UTF-8 there. */
export function pathOf(name: Name): string {
  return Buffer.from(name, "latin1").toString();
}

export function bytesOf(folder: string, name: Name): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);
}

/** What git knows in a working tree, and what it doesn't know and doesn't ignore. Deleted files are named, too. */
export async function listByGit(
  folder: string,
  gitDir: string,
  signal: AbortSignal,
): Promise<readonly Name[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const limits = { deadlineMs: lookDeadlineMs * 4, failure: "checkout_failed" } as const;
  const listing = await runGit(
    { args, gitDir, workTree: folder, userIgnores: true, ...limits },
    maxListBytes,
    signal,
  );
  // A name that ends in a slash is a repository inside this one, and none of its business.
  const names = listing
    .toString("latin1")
    .split("\0")
    .filter((name) => name !== "" && !name.endsWith(slash));
  return limited([...new Set(names)]);
}

/** Every file of a folder outside of git; `.git` folders only when they're asked for, wherever they are. */
export async function listAll(
  folder: string,
  gitFolders: "with .git" | "without .git",
  signal: AbortSignal,
): Promise<readonly Name[]> {
  const names: Name[] = [];
  const open: Name[] = [""];
  for (let inside = open.pop(); inside !== undefined; inside = open.pop()) {
    signal.throwIfAborted();
    for (const entry of await readdir(bytesOf(folder, inside), { encoding: "buffer" })) {
      if (gitFolders === "without .git" && entry.equals(dotGit)) continue;
      const name = `${inside}${entry.toString("latin1")}`;
      names.push(name);
      if ((await lstat(bytesOf(folder, name))).isDirectory()) open.push(`${name}${slash}`);
    }
    limited(names);
  }
  return names;
}

const dotGit = Buffer.from(".git");

function limited(names: readonly Name[]): readonly Name[] {
  if (names.length > maxEntries) throw tooLarge();
  return names;
}
