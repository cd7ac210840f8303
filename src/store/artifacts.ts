import { createHash } from "node:crypto";
import { closeSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ArtifactsPlan } from "../plan/plan.ts";
import { RunnerError } from "../shared/errors.ts";
import { artifactIdOf, type Artifact, sealText, type SealedArtifact, toArtifact } from "./artifact.ts";
import { copyHashed, openInside } from "./artifact-copy.ts";
import { shown, walkArtifacts } from "./artifact-walk.ts";
import { makeFolder, syncFile, syncFolder, writeAtomic } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { artifactFile, artifactsFolder, artifactsManifest } from "./layout.ts";

export interface Collected {
  readonly artifacts: readonly Artifact[];
  /** Globs that matched nothing. */
  readonly missing: readonly string[];
  /** "path: why" */
  readonly refused: readonly string[];
}

export interface WantedArtifacts extends ArtifactsPlan {
  /** Whether a path holds a secret: it isn't kept, nor shown. */
  readonly isSecret?: (path: string) => boolean;
}

export interface Collection {
  readonly folder: string;
  readonly durable: boolean;
  readonly runId: string;
  readonly workspace: string;
  readonly plan: WantedArtifacts;
  readonly expiresAt?: string | undefined;
}

/** How many files are made durable side by side: the disk's journal takes them in one go. */
const syncedTogether = 32;

/**
 * Copies what the plan names out of a workspace and seals it: before the manifest stands, none of it is there. May be called
 * again, and then begins anew. The stage must have ended; what it left in the workspace may be of any hostility.
 */
export async function collectArtifacts(collection: Collection, signal: AbortSignal): Promise<Collected> {
  const { folder, runId, workspace, durable } = collection;
  const walk = await walkArtifacts(workspace, collection.plan, signal);
  const { isSecret = () => false } = collection.plan;
  const files = walk.files.filter((path) => !isSecret(path));
  const refused = [...walk.refused];
  if (files.length < walk.files.length)
    refused.push(`${walk.files.length - files.length} whose paths hold a secret`);
  const target = artifactsFolder(folder, runId);
  try {
    rmSync(artifactsManifest(folder, runId), { force: true });
    rmSync(target, { recursive: true, force: true });
    await makeFolder(dirname(artifactFile(folder, runId, artifactIdOf(""))), durable);
    const sealed: SealedArtifact[] = [];
    for (const path of files) {
      const artifact = await keep(collection, path, signal);
      if (typeof artifact === "string") refused.push(`${shown(path)}: ${artifact}`);
      else sealed.push(artifact);
    }
    for (const [path, link] of walk.links) sealed.push(keepLink(collection, path, link));
    // By code units, as the walk has it.
    sealed.sort((one, other) => (one.path < other.path ? -1 : 1));
    await seal(collection, sealed);
    return { artifacts: sealed.map(toArtifact), missing: walk.missing, refused };
  } catch (error) {
    rmSync(target, { recursive: true, force: true });
    signal.throwIfAborted();
    throw diskError(error, "the run's artifacts");
  } finally {
    await nextTurn();
  }
}

async function keep(
  collection: Collection,
  path: string,
  signal: AbortSignal,
): Promise<SealedArtifact | string> {
  const { folder, runId, workspace } = collection;
  signal.throwIfAborted();
  const opened = openInside(workspace, path);
  if (typeof opened === "string") return opened;
  try {
    const id = artifactIdOf(path);
    mustFit(folder, opened.size);
    const { size, sha256, executable } = await copyHashed(opened, artifactFile(folder, runId, id), signal);
    return { id, name: basename(path), path, size, sha256, ...(executable ? { executable: true } : {}) };
  } finally {
    closeSync(opened.fd);
  }
}

/** What its file holds is the target, as git has it. */
function keepLink({ folder, runId }: Collection, path: string, link: string): SealedArtifact {
  const id = artifactIdOf(path);
  const bytes = Buffer.from(link);
  writeFileSync(artifactFile(folder, runId, id), bytes, { flag: "wx", mode: 0o600 });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { id, name: basename(path), path, size: bytes.length, sha256, link };
}

/** A file of holes may claim any size: it must not fill the disk before that's seen. */
function mustFit(folder: string, size: number): void {
  if (size < 64 * 1024 * 1024) return;
  const { bavail, bsize } = statfsSync(folder);
  if (size > bavail * bsize)
    throw new RunnerError("disk_full", `no space left for an artifact of ${size} bytes`);
}

async function seal(
  { folder, runId, durable, expiresAt }: Collection,
  sealed: readonly SealedArtifact[],
): Promise<void> {
  if (durable) {
    const files = sealed.map(({ id }) => artifactFile(folder, runId, id));
    for (let at = 0; at < files.length; at += syncedTogether) {
      await Promise.all(files.slice(at, at + syncedTogether).map(syncFile));
    }
    await syncFolder(dirname(artifactFile(folder, runId, artifactIdOf(""))));
  }
  await writeAtomic(
    artifactsManifest(folder, runId),
    sealText({ artifacts: sealed, ...(expiresAt === undefined ? {} : { expiresAt }) }),
    { durable },
  );
}
