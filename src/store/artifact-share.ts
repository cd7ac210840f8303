import { constants, linkSync, lstatSync, rmSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { readSealIn, type SealedArtifact, sealText } from "./artifact.ts";
import { makeFolder, syncFile, syncFolder, writeAtomic } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { artifactIn, filesIn, manifestIn } from "./layout.ts";

/** Why a file can't have a second name where it's wanted: then it's copied. */
const noLink = new Set(["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP"]);
const filesPerTurn = 200;

/**
 * Gives the sealed artifacts of one folder to another one as well, by hard links where the disk allows it: either folder may go
 * without the other. Sealed artifacts are never written to. Throws `artifacts_invalid` when they aren't what their seal says.
 * Whatever was at `to` is gone; before it's sealed, none of them is there. How many there are.
 */
export async function shareArtifacts(
  from: string,
  to: string,
  { durable, expiresAt }: { readonly durable: boolean; readonly expiresAt?: string | undefined },
): Promise<number> {
  const { artifacts = [] } = readSealIn(from) ?? {};
  try {
    rmSync(manifestIn(to), { force: true });
    rmSync(to, { recursive: true, force: true });
    if (artifacts.length === 0) return 0;
    await makeFolder(filesIn(to), durable);
    for (const [index, artifact] of artifacts.entries()) {
      await share(artifact, from, to, durable);
      if (index % filesPerTurn === 0) await nextTurn();
    }
    if (durable) await syncFolder(filesIn(to));
    const text = sealText({ artifacts, ...(expiresAt === undefined ? {} : { expiresAt }) });
    await writeAtomic(manifestIn(to), text, { durable });
    return artifacts.length;
  } catch (error) {
    rmSync(to, { recursive: true, force: true });
    throw diskError(error, "the run's artifacts");
  }
}

async function share(
  { id, path, size }: SealedArtifact,
  from: string,
  to: string,
  durable: boolean,
): Promise<void> {
  const file = artifactIn(from, id);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size !== size)
    throw new RunnerError("artifacts_invalid", `the artifact ${JSON.stringify(path)} isn't as it was sealed`);
  try {
    linkSync(file, artifactIn(to, id));
  } catch (error) {
    if (!noLink.has(systemCodeOf(error) ?? "")) throw error;
    await copyFile(file, artifactIn(to, id), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    if (durable) await syncFile(artifactIn(to, id));
  }
}
