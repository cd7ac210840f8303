import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { commonDirOf, gitDirOfTree } from "./git-folder.ts";
import { lookDeadlineMs, runGit, type GitCall } from "./git.ts";
import { hashFile } from "./hash-file.ts";
import { Gatherer } from "./input-globs.ts";
import type { Inputs, InputsReader } from "./inputs.ts";
import type { Source } from "./source.ts";
import { listAll, type Name } from "./tree-files.ts";
import { writeGitFolder } from "./workspace-git.ts";

type Tree = Source & { readonly kind: "tree" };

const maxListBytes = 256 * 1024 * 1024;

/** What git has in its index of a file that is as it was when it was added; of any other file only that it's there. */
type Known = { readonly mode: string; readonly id: string } | "to be read";

/**
 * Of a working tree as it is now. What git's index knows of a file is taken for it when the file's times and size say that it's
 * unchanged, as `git status` does; changed files and those that git neither knows nor ignores are read.
 */
export class TreeInputs implements InputsReader {
  readonly #folder: string;
  readonly #files: ReadonlyMap<Name, Known>;
  readonly #format: "sha1" | "sha256";

  private constructor(folder: string, files: ReadonlyMap<Name, Known>, format: "sha1" | "sha256") {
    this.#folder = folder;
    this.#files = files;
    this.#format = format;
  }

  static async read(tree: Tree, signal: AbortSignal): Promise<TreeInputs> {
    const folder = tree.origin ?? tree.folder;
    const format = tree.commit?.sha.length === 64 ? "sha256" : "sha1";
    const gitDir = await gitDirOfTree(folder);
    const files =
      gitDir === undefined
        ? (await listAll(folder, "without .git", signal)).map((name) => [name, "to be read"] as const)
        : await knownFiles({ folder, gitDir, sha: tree.commit?.sha ?? "0".repeat(40) }, signal);
    // By code units of names that are bytes: the order says nothing, but it's always the same.
    const sorted = files.toSorted(([one], [other]) => (one < other ? -1 : 1));
    return new TreeInputs(folder, new Map(sorted), format);
  }

  async of(globs: readonly string[], signal: AbortSignal): Promise<Inputs> {
    const gatherer = new Gatherer(globs);
    for (const [name, known] of this.#files) {
      if (!gatherer.wants(name, known === "to be read" ? "" : known.mode)) continue;
      const file = known === "to be read" ? await hashFile(this.#folder, name, this.#format, signal) : known;
      if (file !== undefined) gatherer.add({ name, ...file });
    }
    return gatherer.result();
  }
}

interface Place {
  readonly folder: string;
  readonly gitDir: string;
  /** For the format of its ids. */
  readonly sha: string;
}

async function knownFiles(place: Place, signal: AbortSignal): Promise<readonly (readonly [Name, Known])[]> {
  const { folder, gitDir } = place;
  const call = { gitDir, workTree: folder, ...limits };
  const [index, others, changed] = await Promise.all([
    listed({ ...call, args: ["ls-files", "-z", "-v", "--stage"] }, signal),
    listed(
      { ...call, args: ["ls-files", "-z", "--others", "--exclude-standard"], userIgnores: true },
      signal,
    ),
    changedFiles(place, signal),
  ]);
  const files = new Map<Name, Known>();
  for (const { name, known } of index.map(indexed)) files.set(name, changed.has(name) ? "to be read" : known);
  // A name that ends in a slash is a repository inside this one, and none of its business.
  for (const name of others) if (!name.endsWith("/")) files.set(name, "to be read");
  return [...files];
}

/** `TAG MODE ID STAGE\tNAME`: a file that is in conflict, or at which the user told git not to look, is "to be read". */
function indexed(record: string): { readonly name: Name; readonly known: Known } {
  const [, tag, mode = "", id = "", stage, name = ""] = /^(.) (\d+) (\w+) (\d)\t(.*)$/s.exec(record) ?? [];
  return { name, known: tag === "H" && stage === "0" ? { mode, id } : "to be read" };
}

/**
 * Files that aren't as git's index has them, by their times and sizes. Git asks files whose times tell nothing for their
 * contents, and would run the repository's filters on them: so it gets a configuration of ours, which has none.
 */
async function changedFiles({ folder, gitDir, sha }: Place, signal: AbortSignal): Promise<ReadonlySet<Name>> {
  const ours = await mkdtemp(join(tmpdir(), "gitfoss-index-"));
  try {
    await writeGitFolder({ workspace: ours, sourceGitDir: gitDir, sha });
    const args = ["diff-files", "-z", "--name-only", "--ignore-submodules=all"];
    const call = { args, gitDir: join(ours, ".git"), workTree: folder, ...limits };
    const borrowedObjects = resolve(await commonDirOf(gitDir), "objects");
    return new Set(await listed({ ...call, borrowedObjects, indexFile: join(gitDir, "index") }, signal));
  } finally {
    await rm(ours, { recursive: true, force: true });
  }
}

const limits = { deadlineMs: lookDeadlineMs * 4, failure: "checkout_failed" } as const;

async function listed(call: GitCall, signal: AbortSignal): Promise<readonly string[]> {
  return (await runGit(call, maxListBytes, signal)).toString("latin1").split("\0").slice(0, -1);
}
