import { closeSync, constants, fstatSync, lstatSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../../shared/errors.ts";
import { entriesIn } from "../folder.ts";
import { cacheEntryFile, type CacheEntryName, cacheEntryOf, cacheFolder, pathPart } from "../layout.ts";
import { type CacheEntry, type CacheIdentity, entryNameOf } from "./entry.ts";
import { readHeader } from "./header.ts";

/** An entry that is held open: replaced or removed, it's still read to its end. */
export interface OpenEntry {
  readonly name: CacheEntryName;
  readonly fd: number;
  readonly inode: number;
  readonly entry: CacheEntry;
  /** Where its archive begins. */
  readonly start: number;
}

/** `damaged`: there is a file, but it isn't the whole of an entry with this name; its inode is given. */
export type Opened =
  | { readonly kind: "open"; readonly opened: OpenEntry }
  | { readonly kind: "absent" }
  | { readonly kind: "damaged"; readonly inode: number };

/** To be closed by the caller when it's open. */
export function openEntry(folder: string, name: CacheEntryName): Opened {
  const fd = openFile(cacheEntryFile(folder, name));
  if (fd === undefined) return { kind: "absent" };
  const { size, ino: inode } = fstatSync(fd);
  const header = readHeader(fd);
  if (header?.entry.storedBytes === size && entryNameOf(header.entry) === name)
    return { kind: "open", opened: { name, fd, inode, entry: header.entry, start: header.end } };
  closeSync(fd);
  return { kind: "damaged", inode };
}

/** The entry that is stored under this identity, if it's whole as far as its description tells. */
export function entryAt(folder: string, identity: CacheIdentity): CacheEntry | undefined {
  const found = openEntry(folder, entryNameOf(identity));
  if (found.kind !== "open") return undefined;
  closeSync(found.opened.fd);
  return found.opened.entry;
}

/** True when it was there, and is the file that was looked at, if that is told. */
export function removeEntry(folder: string, name: CacheEntryName, inode?: number): boolean {
  const path = cacheEntryFile(folder, name);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || (inode !== undefined && stat.ino !== inode)) return false;
  rmSync(path, { force: true });
  return true;
}

export interface EntryFile {
  readonly name: CacheEntryName;
  readonly bytes: number;
  /** When it was saved or, as far as that was noted, restored last. */
  readonly usedAt: number;
}

/** Every entry there is, or a repository's. Looks at each: for lists, resets and a new index. */
export function* entryFiles(
  folder: string,
  repository?: { readonly orgId: string; readonly repoId: string },
): Generator<EntryFile, void, void> {
  const cache = cacheFolder(folder);
  for (const org of foldersIn(cache, repository?.orgId)) {
    for (const repo of foldersIn(join(cache, org), repository?.repoId)) {
      yield* filesOf(folder, `${org}/${repo}`);
    }
  }
}

function* filesOf(folder: string, repository: string): Generator<EntryFile, void, void> {
  for (const { name: fileName } of entriesIn(join(cacheFolder(folder), repository))) {
    const name = cacheEntryOf(repository, fileName);
    if (name === undefined) continue;
    const stat = lstatSync(cacheEntryFile(folder, name), { throwIfNoEntry: false });
    if (stat !== undefined) yield { name, bytes: stat.size, usedAt: Math.round(stat.mtimeMs) };
  }
}

function foldersIn(folder: string, id: string | undefined): readonly string[] {
  const wanted = id === undefined ? undefined : pathPart(id);
  return entriesIn(folder)
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .filter((name) => wanted === undefined || name === wanted);
}

function openFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(systemCodeOf(error) ?? "")) return undefined;
    throw error;
  }
}
