import { closeSync, openSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readSealIn } from "./artifact.ts";
import { makeFolder, syncFolder } from "./atomic.ts";
import { namesIn } from "./folder.ts";
import { artifactsFolder, expiringFolder, filesIn, isRunId } from "./layout.ts";

/*
 * An empty file for each run whose artifacts will expire, its name being the time and the run: so that what is due is found
 * without a look at any other run. The seal says what holds; a file here is only a hint to look at it.
 */

export interface Due {
  readonly runId: string;
  readonly expiresAt: string;
}

/** Before the artifacts are sealed: what a crash leaves of it does no harm. */
export async function noteExpiry(
  folder: string,
  { runId, expiresAt, durable }: Due & { readonly durable: boolean },
): Promise<void> {
  const expiring = expiringFolder(folder);
  await makeFolder(expiring, durable);
  closeSync(openSync(join(expiring, `${expiresAt}_${runId}`), "w", 0o600));
  if (durable) await syncFolder(expiring);
}

export function dueRuns(folder: string, now: string): readonly Due[] {
  return namesIn(expiringFolder(folder))
    .toSorted()
    .flatMap((name) => {
      const [expiresAt = "", runId = ""] = name.split("_");
      return isRunId(runId) && expiresAt <= now ? [{ runId, expiresAt }] : [];
    });
}

/** The seal stays, and says since when they aren't there. Whether there was something to delete. */
export async function dropDue(folder: string, { runId, expiresAt }: Due): Promise<boolean> {
  const artifacts = artifactsFolder(folder, runId);
  // Sealed anew since, it's another time that counts.
  const isDue = readSealIn(artifacts)?.expiresAt === expiresAt;
  if (isDue) await rm(filesIn(artifacts), { recursive: true, force: true });
  rmSync(join(expiringFolder(folder), `${expiresAt}_${runId}`), { force: true });
  return isDue;
}
