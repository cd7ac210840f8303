import { RunnerError } from "../shared/errors.ts";
import { lookDeadlineMs, runGit } from "./git.ts";
import { readFileAt } from "./read-file.ts";

/** A submodule as its superproject's commit has it. */
export interface Submodule {
  readonly name: string;
  /** Relative to the top of the superproject. */
  readonly path: string;
  /** As it's written in .gitmodules. */
  readonly url: string;
  /** The commit that it is to be at. */
  readonly sha: string;
}

const maxListBytes = 256 * 1024 * 1024;
const maxTextBytes = 1024 * 1024;
/** More is no project but an attack. */
export const mostSubmodules = 100;

/**
 * The submodules of the commit in a workspace whose `.git` is ours: each a link of the commit's tree with its section in .gitmodules.
 * Nothing that is there is trusted: names, paths and addresses that lead anywhere else are refused.
 */
export async function submodulesOf(
  workspace: string,
  sha: string,
  signal: AbortSignal,
): Promise<readonly Submodule[]> {
  const git = {
    gitDir: `${workspace}/.git`,
    deadlineMs: lookDeadlineMs,
    failure: "checkout_failed",
  } as const;
  const staged = await runGit({ ...git, args: ["ls-files", "-z", "--stage"] }, maxListBytes, signal);
  const links = staged
    .toString()
    .split("\0")
    .flatMap((line) => {
      const [, commit = "", path = ""] = /^160000 ([0-9a-f]{40,64}) 0\t(.*)$/s.exec(line) ?? [];
      return commit === "" ? [] : [{ path, sha: commit }];
    });
  if (links.length === 0) return [];
  if (links.length > mostSubmodules)
    throw refusal(`there are more than ${String(mostSubmodules)} submodules`);
  const sections = await sectionsAt(git, sha, signal);
  return links.map(({ path, sha: commit }) => {
    const section = sections.find((each) => each.path === path);
    const shown = JSON.stringify(path);
    if (section?.url === undefined)
      throw refusal(`submodule ${shown} has no path and url in .gitmodules; add them and commit it`);
    refuseOdd(`submodule ${shown}: its path`, path);
    refuseOdd(`submodule ${shown}: its name`, section.name);
    return { name: section.name, path, url: section.url, sha: commit };
  });
}

interface Section {
  readonly name: string;
  readonly path?: string;
  readonly url?: string;
}

/** Read as git reads a configuration, from the commit and not the working tree, without what it would include. */
async function sectionsAt(
  git: { readonly gitDir: string; readonly deadlineMs: number; readonly failure: "checkout_failed" },
  sha: string,
  signal: AbortSignal,
): Promise<readonly Section[]> {
  const input = Buffer.from(await gitmodulesAt(git, sha, signal)).toString();
  const args = ["config", "--file", "-", "--no-includes", "-z", "--list"];
  const listed = await runGit({ ...git, args, input }, maxTextBytes * 2, signal);
  const sections = new Map<string, Section>();
  for (const entry of listed.toString().split("\0")) {
    const [, name, key, value] = /^submodule\.(.+)\.(path|url)\n(.*)$/s.exec(entry) ?? [];
    if (name === undefined || key === undefined) continue;
    sections.set(name, { ...sections.get(name), name, [key]: value });
  }
  return [...sections.values()];
}

async function gitmodulesAt(
  git: { readonly gitDir: string },
  sha: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await readFileAt(git, sha, ".gitmodules", signal);
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    throw refusal("the commit has submodules, but no .gitmodules that is a regular file; commit one");
  }
}

/** No way up or out, no `.git` in any spelling that some file system takes for it, nothing that looks like an option. */
function refuseOdd(what: string, text: string): void {
  const parts = text.split("/");
  const odd = parts.some((part) => ["", ".", ".."].includes(part) || dotGit.test(part));
  if (odd || text.startsWith("-") || text.length > 1024 || /[\p{Cc}\p{Cf}\\:]/u.test(text))
    throw refusal(`${what} ${JSON.stringify(text.slice(0, 200))} is refused`);
}

/** As case-insensitive file systems and those with short names read it, too. */
const dotGit = /^(\.git|git~\d+)[ .]*$/i;

function refusal(message: string): RunnerError {
  return new RunnerError("checkout_failed", message);
}
