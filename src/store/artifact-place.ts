import { chmodSync, constants, copyFileSync, lstatSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { readSealIn, type SealedArtifact } from "./artifact.ts";
import { faultOfTarget } from "./artifact-link.ts";
import { diskError } from "./disk-error.ts";
import { artifactFile, artifactsFolder } from "./layout.ts";

/** A copy of more than that is made beside the event loop. */
const smallBytes = 256 * 1024;

/**
 * Puts a run's artifacts into another workspace, at the same paths; returns how many. Files there, and links that
 * stand in a file's place, are replaced. A link or file in a folder's place is `artifacts_invalid`: nothing is written through it.
 * All may read and write what is placed, since the stage may run as any user.
 */
export async function placeArtifacts(folder: string, fromRunId: string, workspace: string): Promise<number> {
  const { artifacts: sealed = [] } = readSealIn(artifactsFolder(folder, fromRunId)) ?? {};
  for (const artifact of sealed) {
    makeFolders(workspace, dirname(artifact.path));
    await place(artifactFile(folder, fromRunId, artifact.id), workspace, artifact);
    await nextTurn();
  }
  return sealed.length;
}

function makeFolders(workspace: string, path: string): void {
  if (path === ".") return;
  const parts = path.split("/");
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const part = parts.slice(0, depth).join("/");
    const stat = lstatSync(join(workspace, part), { throwIfNoEntry: false });
    if (stat === undefined) makeOpenFolder(join(workspace, part));
    else if (!stat.isDirectory()) throw inTheWay(part, "is no folder in this stage's workspace");
  }
}

function makeOpenFolder(path: string): void {
  try {
    mkdirSync(path);
    chmodSync(path, 0o777);
  } catch (error) {
    throw diskError(error, "an artifact's folder in the workspace");
  }
}

async function place(from: string, workspace: string, artifact: SealedArtifact): Promise<void> {
  const { path, executable, link } = artifact;
  const to = join(workspace, path);
  const stat = lstatSync(to, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) throw inTheWay(path, "is a folder in this stage's workspace");
  try {
    rmSync(to, { force: true });
    if (link !== undefined) return placeLink(link, to, path);
    await copyTo(from, to, artifact.size);
    chmodSync(to, executable ? 0o777 : 0o666);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") throw inTheWay(path, "was removed from the runner's store");
    throw diskError(error, "an artifact in the workspace");
  }
}

/** Exclusive: a link that stood here after all is not followed. */
async function copyTo(from: string, to: string, size: number): Promise<void> {
  const how = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
  if (size > smallBytes) await copyFile(from, to, how);
  else copyFileSync(from, to, how);
}

function placeLink(target: string, to: string, path: string): void {
  const why = faultOfTarget(path, target);
  if (why !== undefined) throw inTheWay(path, `is a symbolic link ${why}`);
  symlinkSync(target, to);
}

function inTheWay(path: string, why: string): RunnerError {
  return new RunnerError(
    "artifacts_invalid",
    `can't put the artifacts of a needed stage in place: "${path}" ${why}`,
  );
}
