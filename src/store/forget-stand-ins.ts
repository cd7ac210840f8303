import { lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CacheFilter, Cleared } from "./cache/reset.ts";
import { diskError } from "./disk-error.ts";
import { entriesIn } from "./folder.ts";
import { pathPart, standInsFolder } from "./layout.ts";
import { readStandIn } from "./stand-in.ts";

/** Those, and what another reset has cleared: one answer for both. */
export async function forgetBoth(
  resetting: Promise<Cleared>,
  folder: string,
  filter: CacheFilter,
): Promise<Cleared> {
  const { cleared, bytes } = await resetting;
  const forgotten = await forgetStandIns(folder, filter);
  return { cleared: cleared + forgotten.cleared, bytes: bytes + forgotten.bytes };
}

/** Forgets the successes that later runs would stand on: those of a stage, of a pipeline's runs, or all. The runs and their artifacts stay. */
async function forgetStandIns(folder: string, filter: CacheFilter): Promise<Cleared> {
  let cleared = 0;
  let bytes = 0;
  try {
    for (const entry of entriesOf(folder, filter)) {
      if (filter.pipelineId !== undefined && readStandIn(entry)?.pipelineId !== filter.pipelineId) continue;
      bytes += bytesIn(entry);
      rmSync(entry, { recursive: true, force: true });
      cleared += 1;
      await nextTurn();
    }
  } catch (error) {
    throw diskError(error, "what later runs may stand on");
  }
  return { cleared, bytes };
}

function entriesOf(folder: string, { stageId, repository }: CacheFilter): readonly string[] {
  const wanted = stageId === undefined ? undefined : pathPart(stageId);
  const repositories = foldersIn(standInsFolder(folder))
    .flatMap(foldersIn)
    .filter((path) => repository === undefined || path.endsWith(`/${placeOf(repository)}`));
  const stages = repositories
    .flatMap(foldersIn)
    .filter((stage) => wanted === undefined || stage.endsWith(`/${wanted}`));
  return stages.flatMap(foldersIn);
}

function placeOf({ orgId, repoId }: NonNullable<CacheFilter["repository"]>): string {
  return `${pathPart(orgId)}/${pathPart(repoId)}`;
}

function foldersIn(folder: string): readonly string[] {
  return entriesIn(folder)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
}

function bytesIn(folder: string): number {
  return entriesIn(folder).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sum + bytesIn(path);
    return sum + (lstatSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}
