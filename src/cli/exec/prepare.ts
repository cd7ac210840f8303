import { join, relative, resolve } from "node:path";
import type { Plan } from "../../plan/plan.ts";
import { unlessAborted } from "../../shared/abort.ts";
import { RunnerError } from "../../shared/errors.ts";
import { openRepository, readFileAt, resolveCommit, type Repository } from "../../source/repository.ts";
import type { Inputs } from "../../source/inputs.ts";
import type { Source } from "../../source/source.ts";
import { takeSnapshot } from "../../source/snapshot.ts";
import { openTree } from "../../source/tree.ts";
import { usage } from "../arguments.ts";
import { defaultManifest } from "../../manifest/manifest.ts";
import { findManifest, readManifestFile } from "../manifest-file.ts";
import { quoted } from "../printable.ts";
import type { ExecOptions } from "./options.ts";
import type { ManifestFile } from "./read-plan.ts";

/** What an `exec` will run. */
export interface Prepared {
  readonly plan: Plan;
  readonly source: Source;
  /** What stages with `inputs` have in a working tree, by stage. */
  readonly inputs?: ReadonlyMap<string, Inputs>;
  /** The manifest, relative to the current folder. */
  readonly manifest: string;
}

/** Reads the manifest while git looks at the source. Throws what is wrong with either. */
export function prepare(options: ExecOptions, folder: string, signal: AbortSignal): Promise<Prepared> {
  return options.ref === undefined
    ? prepareTree(options, folder, signal)
    : prepareCommit(options, folder, signal);
}

async function prepareTree(options: ExecOptions, folder: string, signal: AbortSignal): Promise<Prepared> {
  const tree = openTree(folder, signal);
  tree.catch(() => {}); // awaited below; the manifest's own errors come first
  const file = await unlessAborted(readFromTree(options, folder), signal);
  const plan = await planOf(file, options);
  return { plan, source: await tree, manifest: file.name };
}

/** With a copy of the working tree in its place where several stages will need it; their histories must be of one depth. */
export async function withSnapshot(
  prepared: Prepared,
  folder: string,
  signal: AbortSignal,
): Promise<Prepared> {
  const { plan, source } = prepared;
  const [depth, ...others] = new Set(plan.stages.map(({ gitDepth }) => gitDepth));
  const isPlain = plan.stages.every(
    ({ gitSubmodules, gitLfs }) => gitSubmodules === undefined && gitLfs !== true,
  );
  const isWorthIt = isPlain && plan.stages.length > 1 && depth !== undefined && others.length === 0;
  if (source.kind !== "tree" || !isWorthIt) return prepared;
  return { ...prepared, source: await takeSnapshot(source, folder, depth, signal) };
}

async function readFromTree(options: ExecOptions, folder: string): Promise<ManifestFile> {
  const name = options.manifest ?? (await findManifest(folder));
  return { name, bytes: await readManifestFile(resolve(folder, name), name) };
}

/** The plan alone, for those who run nothing. */
export async function readPlan(options: ExecOptions, folder: string, signal: AbortSignal): Promise<Plan> {
  if (options.ref !== undefined) return (await prepareCommit(options, folder, signal)).plan;
  return planOf(await readFromTree(options, folder), options);
}

async function prepareCommit(options: ExecOptions, folder: string, signal: AbortSignal): Promise<Prepared> {
  const tree = await openTree(folder, signal);
  // The user's own repository, wherever it lies: roots are for what strangers ask the daemon for.
  const repository = await openRepository(tree.folder, ["/"]);
  const commit = await resolveCommit(repository, options.ref, signal);
  const places = manifestPlaces(options.manifest, tree.folder, folder);
  const path = await firstPresent(repository, { sha: commit.sha, paths: places }, signal);
  const bytes = await readFileAt(repository, commit.sha, path, signal);
  const file = { name: relative(folder, join(tree.folder, path)), bytes };
  return {
    plan: await planOf(file, options),
    source: {
      kind: "repository",
      gitDir: repository.gitDir,
      commit: { ...commit, ...defaultBranchOf(tree) },
    },
    manifest: file.name,
  };
}

/** What is checked out says nothing of the default branch of a developer's repository. */
function defaultBranchOf({ commit }: Source & { readonly kind: "tree" }): {
  readonly defaultBranch?: string;
} {
  return commit?.defaultBranch === undefined ? {} : { defaultBranch: commit.defaultBranch };
}

/** Where the manifest may lie in the commit, relative to the top of the working tree. */
function manifestPlaces(named: string | undefined, top: string, folder: string): readonly string[] {
  if (named === undefined)
    return [...new Set([relative(top, join(folder, defaultManifest)), defaultManifest])];
  const path = relative(top, resolve(folder, named));
  if (path === ".." || path.startsWith("../"))
    throw usage(`${quoted(named)} lies outside of the repository, so --ref has none of it`);
  return [path];
}

/** The first path that the commit has; the last one when it has none, for its error. */
async function firstPresent(
  repository: Repository,
  wanted: { readonly sha: string; readonly paths: readonly string[] },
  signal: AbortSignal,
): Promise<string> {
  const [first = defaultManifest, ...rest] = wanted.paths;
  if (rest.length === 0) return first;
  try {
    await readFileAt(repository, wanted.sha, first, signal);
    return first;
  } catch (error) {
    if (!(error instanceof RunnerError) || error.code !== "manifest_missing") throw error;
    return firstPresent(repository, { sha: wanted.sha, paths: rest }, signal);
  }
}

/** YAML and the schema are heavy, so they are loaded while git and the engine are at work. */
async function planOf(file: ManifestFile, options: ExecOptions): Promise<Plan> {
  const { readPlanOf } = await import("./read-plan.ts");
  return readPlanOf(file, options);
}
