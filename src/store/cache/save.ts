import { randomBytes } from "node:crypto";
import { closeSync, fsync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { timestamp, type Clock } from "../../shared/clock.ts";
import { makeFolder, syncFolder } from "../atomic.ts";
import { diskError } from "../disk-error.ts";
import { cacheEntryFile, cacheUnfinishedFolder } from "../layout.ts";
import { writeWhole } from "../ndjson.ts";
import { CacheTooBig } from "./compressor.ts";
import { type CacheEntry, type CacheIdentity, entryNameOf, type Saver } from "./entry.ts";
import { entryAt } from "./entry-files.ts";
import { fingerprintOf } from "./facts.ts";
import { encodeHeader, headerLength } from "./header.ts";
import type { CacheLedger } from "./ledger.ts";
import { pack, type Packed } from "./pack.ts";

const syncFd = promisify(fsync);

export interface SaveRequest {
  readonly identity: CacheIdentity;
  readonly saver: Saver;
  /** Of a stage that has ended: nothing may write to it. */
  readonly workspace: string;
  /** All entries together may have so many bytes. */
  readonly mostBytes: number;
}

export type Saved =
  | { readonly kind: "saved"; readonly bytes: number; readonly refused: readonly string[] }
  | { readonly kind: "unchanged" }
  /** None of the paths is there, or nothing of it can be kept. */
  | { readonly kind: "nothing"; readonly refused: readonly string[] }
  | { readonly kind: "too big" };

interface Context {
  readonly folder: string;
  readonly durable: boolean;
  readonly clock: Clock;
  readonly ledger: CacheLedger;
}

/** Writes an entry aside and publishes it by one rename: at any moment there is the old one or the new one, whole. */
export async function saveEntry(request: SaveRequest, context: Context, signal: AbortSignal): Promise<Saved> {
  const { identity, workspace } = request;
  const before = entryAt(context.folder, identity);
  if (
    before !== undefined &&
    (await fingerprintOf(workspace, identity.paths, signal)) === before.fingerprint
  ) {
    context.ledger.use(entryNameOf(identity))();
    return { kind: "unchanged" };
  }
  const unfinished = await unfinishedFile(context.folder);
  try {
    const packed = await write(request, unfinished, context, signal);
    if (packed.files === 0) return { kind: "nothing", refused: packed.refused };
    await publish(request, unfinished, packed, context);
    return { kind: "saved", bytes: packed.storedBytes, refused: packed.refused };
  } catch (error) {
    if (error instanceof CacheTooBig) return { kind: "too big" };
    throw error;
  } finally {
    rmSync(unfinished, { force: true });
  }
}

async function unfinishedFile(folder: string): Promise<string> {
  try {
    await makeFolder(cacheUnfinishedFolder(folder), false);
  } catch (error) {
    throw diskError(error, "a cache");
  }
  return join(cacheUnfinishedFolder(folder), randomBytes(12).toString("hex"));
}

async function write(
  { identity, saver, workspace, mostBytes }: SaveRequest,
  path: string,
  { durable, clock }: Context,
  signal: AbortSignal,
): Promise<Packed> {
  const savedAt = timestamp(clock.now());
  const unknown = { files: 0, rawBytes: 0, storedBytes: 0, fingerprint: "" };
  const entry: CacheEntry = { version: 1, ...identity, ...saver, savedAt, ...unknown };
  const position = headerLength(entry);
  const fd = openSync(path, "wx", 0o600);
  try {
    const packed = await pack(workspace, identity.paths, { fd, position, mostBytes }, signal);
    const { files, rawBytes, storedBytes, fingerprint } = packed;
    writeWhole(fd, encodeHeader({ ...entry, files, rawBytes, storedBytes, fingerprint }, position), 0);
    if (durable && files > 0) await syncFd(fd);
    return packed;
  } finally {
    closeSync(fd);
  }
}

async function publish(
  { identity, mostBytes }: SaveRequest,
  unfinished: string,
  { storedBytes }: Packed,
  { folder, durable, ledger }: Context,
): Promise<void> {
  const name = entryNameOf(identity);
  const path = cacheEntryFile(folder, name);
  try {
    await makeFolder(dirname(path), durable);
    await ledger.locked(async () => {
      await ledger.saved(name, storedBytes);
      renameSync(unfinished, path);
      await ledger.evict(mostBytes, name);
    });
    if (durable) await syncFolder(dirname(path));
  } catch (error) {
    throw diskError(error, "a cache");
  }
}
