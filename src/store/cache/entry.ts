import { createHash } from "node:crypto";
import { count, list, oneOf, record, text } from "../../events/shape.ts";
import { type CacheEntryName, cacheEntryName } from "../layout.ts";

/** What must be equal for two stages to share an entry. */
export interface CacheIdentity {
  readonly orgId: string;
  readonly repoId: string;
  /** The branch that saved it; empty for a folder outside of git. */
  readonly scope: string;
  readonly key: string;
  /** As the manifest has them, sorted. */
  readonly paths: readonly string[];
}

/** Who saved an entry. */
export interface Saver {
  readonly pipelineId: string;
  readonly stageId: string;
  readonly runId: string;
}

/** What an entry says of itself. */
export interface CacheEntry extends CacheIdentity, Saver {
  readonly version: 1;
  /** RFC 3339. */
  readonly savedAt: string;
  /** Files, folders and links. */
  readonly files: number;
  /** Of the archive before compression. */
  readonly rawBytes: number;
  /** Of the file on disk, this description included. */
  readonly storedBytes: number;
  /** Of names, owners, modes, sizes and times: what has the same one isn't saved again. */
  readonly fingerprint: string;
}

const shape = record({
  version: oneOf(1),
  orgId: text,
  repoId: text,
  scope: text,
  key: text,
  paths: list(text),
  pipelineId: text,
  stageId: text,
  runId: text,
  savedAt: text,
  files: count,
  rawBytes: count,
  storedBytes: count,
  fingerprint: text,
});

export function isCacheEntry(value: unknown): value is CacheEntry {
  return shape(value);
}

/** The place follows from the identity: nothing has to be looked up, and another repository's entry can't be named. */
export function entryNameOf(identity: CacheIdentity): CacheEntryName {
  const { orgId, repoId, scope, key, paths } = identity;
  const parts = JSON.stringify([orgId, repoId, scope, key, paths]);
  return cacheEntryName(orgId, repoId, createHash("sha256").update(parts).digest("hex").slice(0, 40));
}
