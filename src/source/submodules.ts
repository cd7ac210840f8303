import { appendFile, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { RunnerError } from "../shared/errors.ts";
import { readCommit } from "./commit.ts";
import { gitDirOfTree } from "./git-folder.ts";
import { mostSubmodules, submodulesOf, type Submodule } from "./gitmodules.ts";
import type { Source } from "./source.ts";
import { placeOf, repositoryOf } from "./submodule-place.ts";
import { openTree } from "./tree.ts";

/** A repository in a workspace whose submodules are to be filled. */
export interface Superproject {
  readonly source: Source;
  readonly workspace: string;
  readonly submodules: "normal" | "recursive";
  readonly roots: readonly string[];
}

export interface SubmoduleCheckout {
  readonly source: Source;
  readonly workspace: string;
}

/** Puts a submodule's files into its folder as a repository of its own is checked out. */
export type FillSubmodule = (checkout: SubmoduleCheckout, signal: AbortSignal) => Promise<void>;

/** Counted over all levels of a checkout: what refers on and on is no project. */
export class SubmoduleBudget {
  #left = mostSubmodules;

  take(count: number): void {
    this.#left -= count;
    if (this.#left < 0)
      throw refusal(`there are more than ${String(mostSubmodules)} submodules, counting those of submodules`);
  }
}

const deepest = 8;

/** Each submodule gets a `.git` of its own, ours, in its folder; the superproject knows it by the address in .gitmodules alone. */
export async function fillSubmodules(
  superproject: Superproject,
  fill: FillSubmodule,
  { budget, level }: { readonly budget: SubmoduleBudget; readonly level: number },
  signal: AbortSignal,
): Promise<void> {
  const { source, workspace } = superproject;
  if (source.commit === undefined) return;
  const submodules = await submodulesOf(workspace, source.commit.sha, signal);
  if (submodules.length > 0 && level > deepest)
    throw refusal(`submodules lie in submodules more than ${String(deepest)} levels deep`);
  budget.take(submodules.length);
  for (const submodule of submodules) {
    await mustBeEmptyFolder(workspace, submodule.path);
    const from = await sourceOf(submodule, superproject, signal);
    const inside = join(workspace, submodule.path);
    await fill({ source: from, workspace: inside }, signal);
    if (superproject.submodules !== "recursive") continue;
    const next = { ...superproject, source: from, workspace: inside };
    await fillSubmodules(next, fill, { budget, level: level + 1 }, signal);
  }
  await appendFile(join(workspace, ".git/config"), submodules.map(configOf).join(""));
}

/** Of a working tree, the submodule as it is there; else the commit, from the repository that .gitmodules names. */
async function sourceOf(
  submodule: Submodule,
  { source, roots }: Superproject,
  signal: AbortSignal,
): Promise<Source> {
  if (source.kind === "tree") {
    const folder = join(source.folder, submodule.path);
    if ((await gitDirOfTree(folder)) !== undefined) return openTree(folder, signal);
  }
  const { gitDir } = await repositoryOf(submodule, await placeOf(source), roots);
  const { sha, path } = submodule;
  if ((await readCommit(gitDir, sha, "checkout_failed", signal)) === undefined)
    throw refusal(
      `submodule ${JSON.stringify(path)}: its repository ${JSON.stringify(submodule.url)} has no commit ${sha}; push it there`,
    );
  return { kind: "repository", gitDir, commit: { sha, ref: sha, message: "" } };
}

/** As git leaves it for a submodule: no link on the way, nothing in it. */
async function mustBeEmptyFolder(workspace: string, path: string): Promise<void> {
  let folder = workspace;
  for (const part of path.split("/")) {
    folder = join(folder, part);
    const stats = await lstat(folder).catch(() => undefined);
    if (stats?.isDirectory() !== true)
      throw refusal(`submodule ${JSON.stringify(path)}: something else stands in its place`);
  }
  if ((await readdir(folder)).length > 0)
    throw refusal(`submodule ${JSON.stringify(path)}: its folder isn't empty`);
}

function configOf({ name, url }: Submodule): string {
  return `[submodule ${quoted(name)}]\n\tactive = true\n\turl = ${quoted(url)}\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

function refusal(message: string): RunnerError {
  return new RunnerError("checkout_failed", message);
}
