import { randomUUID } from "node:crypto";
import { copyFile, mkdir, realpath, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { messageOf, RunnerError, systemCodeOf } from "../../shared/errors.ts";
import type { Artifact } from "../../store/artifact.ts";
import { printable, quoted } from "../printable.ts";

/** What of the store is needed here. */
export interface ArtifactSource {
  artifacts(runId: string): Promise<readonly Artifact[]>;
  artifactFile(runId: string, artifactId: string): Promise<StoredArtifact | undefined>;
}

interface StoredArtifact {
  readonly artifact: Artifact;
  readonly file: string;
}

/**
 * Copies a run's artifacts into `folder`, which is made if need be, under the paths they had in the workspace.
 * The names are the stage's word: nothing is written through a link or outside of `folder`. Throws `artifacts_invalid`.
 */
export async function copyArtifacts(source: ArtifactSource, runId: string, folder: string): Promise<number> {
  const artifacts = await source.artifacts(runId);
  for (const { id, path } of artifacts) {
    const stored = await source.artifactFile(runId, id);
    if (stored === undefined)
      throw new RunnerError("artifacts_invalid", `the artifact ${quoted(path)} is lost`);
    await place(stored, folder, path);
  }
  return artifacts.length;
}

async function place(stored: StoredArtifact, folder: string, path: string): Promise<void> {
  try {
    const target = join(folder, path);
    const parent = dirname(target);
    await mkdir(parent, { recursive: true });
    const [top, real] = await Promise.all([realpath(folder), realpath(parent)]);
    if (real !== top && !real.startsWith(top + sep)) throw new Error("it would lie outside, by a link");
    await replace(stored, real, basename(target));
  } catch (error) {
    const reason = systemCodeOf(error) ?? messageOf(error);
    throw new RunnerError(
      "artifacts_invalid",
      `can't copy the artifact ${quoted(path)}: ${printable(reason)}`,
      {
        cause: error,
      },
    );
  }
}

/** By way of a name of ours: a link that lies where the file goes is replaced, not followed. */
async function replace({ artifact, file }: StoredArtifact, folder: string, name: string): Promise<void> {
  const temporary = join(folder, `.${randomUUID()}.part`);
  try {
    if (artifact.link === undefined) await copyFile(file, temporary);
    else await symlink(artifact.link, temporary);
    await rename(temporary, join(folder, name));
  } finally {
    await rm(temporary, { force: true });
  }
}
