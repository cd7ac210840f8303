import { createHash } from "node:crypto";
import { join } from "node:path";

/** Every path in the state folder (docs: state.md). Ids from outside become parts of paths here and nowhere else. */

const runIdPattern = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const monthPattern = /^\d{4,5}-\d{2}$/;

/** Only a UUIDv7 in lower case has a folder; any other string is the id of no run. */
export function isRunId(text: string): boolean {
  return runIdPattern.test(text);
}

export function isArtifactId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

export function configFile(folder: string): string {
  return join(folder, "config.json");
}

export function lockFile(folder: string): string {
  return join(folder, "lock");
}

export function indexFile(folder: string): string {
  return join(folder, "index.ndjson");
}

export function runsFolder(folder: string): string {
  return join(folder, "runs");
}

/** The month is that of the id's own time, so that a run is found without an index. */
export function runFolder(folder: string, runId: string): string {
  const [, high, low] = runIdPattern.exec(runId) ?? [];
  if (high === undefined || low === undefined) throw new Error("not the id of a run");
  const created = new Date(Number.parseInt(high + low, 16));
  const year = String(created.getUTCFullYear()).padStart(4, "0");
  const month = String(created.getUTCMonth() + 1).padStart(2, "0");
  return join(runsFolder(folder), `${year}-${month}`, runId);
}

export function eventsFile(folder: string, runId: string): string {
  return join(runFolder(folder, runId), "events.ndjson");
}

export function stateFile(folder: string, runId: string): string {
  return join(runFolder(folder, runId), "run.json");
}

export function logFile(folder: string, runId: string): string {
  return join(runFolder(folder, runId), "log.ndjson");
}

export function artifactsFolder(folder: string, runId: string): string {
  return join(runFolder(folder, runId), "artifacts");
}

export function artifactsManifest(folder: string, runId: string): string {
  return manifestIn(artifactsFolder(folder, runId));
}

export function artifactFile(folder: string, runId: string, artifactId: string): string {
  return artifactIn(artifactsFolder(folder, runId), artifactId);
}

/** Of a folder of artifacts, a run's or another one. */
export function manifestIn(artifacts: string): string {
  return join(artifacts, "artifacts.json");
}

export function filesIn(artifacts: string): string {
  return join(artifacts, "files");
}

export function artifactIn(artifacts: string, artifactId: string): string {
  if (!isArtifactId(artifactId)) throw new Error("not the id of an artifact");
  return join(filesIn(artifacts), artifactId);
}

export function servicesFolder(folder: string, runId: string): string {
  return join(runFolder(folder, runId), "services");
}

export function servicesFile(folder: string, runId: string): string {
  return join(servicesFolder(folder, runId), "services.json");
}

export function serviceLogFile(folder: string, runId: string, alias: string): string {
  return join(servicesFolder(folder, runId), `${pathPart(alias)}.log`);
}

/** What will expire, and when. */
export function expiringFolder(folder: string): string {
  return join(folder, "expiring");
}

export function workFolders(folder: string): string {
  return join(folder, "work");
}

export function workFolder(folder: string, runId: string): string {
  if (!isRunId(runId)) throw new Error("not the id of a run");
  return join(workFolders(folder), runId);
}

export function secretsFolder(folder: string): string {
  return join(folder, "secrets");
}

export function secretKeyFile(folder: string): string {
  return join(secretsFolder(folder), ".key");
}

/** Of runs that aren't final. */
export function heldSecretsFolder(folder: string): string {
  return join(secretsFolder(folder), ".held");
}

export function heldSecretsFile(folder: string, runId: string): string {
  if (!isRunId(runId)) throw new Error("not the id of a run");
  return join(heldSecretsFolder(folder), runId);
}

/** No id has a folder whose name begins with a dot. */
export const allOfThem = ".all";

/** `name` is checked by whoever took it: it can be the name of a file. */
export function secretFile(
  folder: string,
  scope: { readonly orgId?: string | undefined; readonly repoId?: string | undefined },
  name: string,
): string {
  const parts = [scope.orgId, scope.repoId].map((id) => (id === undefined ? allOfThem : pathPart(id)));
  return join(secretsFolder(folder), ...parts, name);
}

export function cacheFolder(folder: string): string {
  return join(folder, "cache");
}

/** Said of an entry's place: "acme/app/0a1b…", relative to the cache, without what its file's name ends in. */
export type CacheEntryName = string;

export function cacheEntryName(orgId: string, repoId: string, digest: string): CacheEntryName {
  if (!/^[0-9a-f]{40}$/.test(digest)) throw new Error("not the digest of a cache entry");
  return `${pathPart(orgId)}/${pathPart(repoId)}/${digest}`;
}

const cacheEntryEnd = ".tar.zst";

export function cacheEntryFile(folder: string, name: CacheEntryName): string {
  return join(cacheFolder(folder), `${name}${cacheEntryEnd}`);
}

/** The name of the entry that a file of a repository's folder is; undefined for what is none. */
export function cacheEntryOf(repository: string, fileName: string): CacheEntryName | undefined {
  const digest = fileName.slice(0, -cacheEntryEnd.length);
  const isEntry = fileName.endsWith(cacheEntryEnd) && /^[0-9a-f]{40}$/.test(digest);
  return isEntry ? `${repository}/${digest}` : undefined;
}

/* No part of a path from an id begins with a dot, so these stand beside the organizations' folders. */

export function cacheIndexFile(folder: string): string {
  return join(cacheFolder(folder), ".index.ndjson");
}

export function cacheLockFile(folder: string): string {
  return join(cacheFolder(folder), ".lock");
}

/** What is being written. */
export function cacheUnfinishedFolder(folder: string): string {
  return join(cacheFolder(folder), ".unfinished");
}

/** The keys with which a run's caches were looked for. */
export function cacheKeysFile(folder: string, runId: string): string {
  return join(workFolder(folder, runId), "caches.json");
}

export function standInsFolder(folder: string): string {
  return join(folder, "reuse");
}

/** No part of a path from an id begins with a dot. */
export function standInsKeyFile(folder: string): string {
  return join(standInsFolder(folder), ".key");
}

export function standInsOf(
  folder: string,
  stage: { readonly orgId: string; readonly repoId: string; readonly stageId: string },
): string {
  return join(standInsFolder(folder), ...[stage.orgId, stage.repoId, stage.stageId].map(pathPart));
}

const longestPart = 120;

/**
 * One part of a path from any string: readable where it's harmless, and different strings give different parts.
 * No result is empty, "." or "..", holds a slash or begins with a dot.
 */
export function pathPart(text: string): string {
  const encoded = text.isWellFormed() ? encodeURIComponent(text).replaceAll(/^\.|[!'()*~]/g, percent) : "";
  if (encoded !== "" && encoded.length <= longestPart) return encoded;
  // "~" is in no encoded text, so a digest is never mistaken for one. UTF-16 tells even broken strings apart.
  const digest = createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex");
  return `${encoded.slice(0, 40)}~${digest}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
