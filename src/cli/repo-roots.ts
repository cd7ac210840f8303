import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { usage } from "./arguments.ts";
import { quoted } from "./printable.ts";

/** Folders as they are stored: absolute, links resolved, each once. Throws `usage` for what is no folder. */
export async function resolveRepoRoots(named: readonly string[]): Promise<readonly string[]> {
  return [...new Set(await Promise.all(named.map(resolveRoot)))];
}

async function resolveRoot(named: string): Promise<string> {
  if (named === "") throw usage("a repository root is empty; it is a folder");
  const path = await realpath(resolve(named)).catch(() => undefined);
  if (path === undefined)
    throw usage(`the repository root ${quoted(named)} doesn't exist, or can't be entered`);
  if (!(await stat(path)).isDirectory()) throw usage(`the repository root ${quoted(named)} isn't a folder`);
  return path;
}
