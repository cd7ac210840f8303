import { chmodSync, closeSync, linkSync, mkdirSync, openSync, read, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { createZstdDecompress } from "node:zlib";
import { writeWhole } from "../ndjson.ts";
import type { Restorer } from "./attributes.ts";
import type { CacheEntry } from "./entry.ts";
import { Slices } from "./slices.ts";
import type { TarEntry } from "./tar-header.ts";
import { BrokenArchive, TarParser, type TarSink } from "./tar-parser.ts";

const readSome = promisify(read);

const blockBytes = 256 * 1024;

/**
 * Takes an entry's archive apart into `folder`, which is empty and that no stage can reach. All of it is checked before this
 * resolves, to the folders with what the archive says of each: nothing of those that only lead to what it holds. Throws BrokenArchive when the file is damaged, else what went wrong with the disk.
 */
export async function unpack(
  from: { readonly fd: number; readonly start: number; readonly entry: CacheEntry },
  folder: string,
  restorer: Restorer,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TarEntry | undefined>> {
  const files = new UnpackedFiles(folder, restorer);
  const parser = new TarParser(files);
  const { entry } = from;
  try {
    for await (const chunk of decompressed(from)) {
      parser.feed(chunk);
      if (parser.rawBytes > entry.rawBytes) throw new BrokenArchive("it's longer than it should be");
      signal.throwIfAborted();
    }
    parser.finish();
    if (parser.rawBytes !== entry.rawBytes) throw new BrokenArchive("it's shorter than it should be");
    return await files.finish(signal);
  } finally {
    files.close();
  }
}

/** zstd checks its checksum at the end, but takes a frame without its last bytes for whole: the file's length was compared before. */
async function* decompressed(from: { readonly fd: number; readonly start: number }): AsyncGenerator<Buffer> {
  const zstd = createZstdDecompress({ chunkSize: blockBytes });
  // It may still fail when nobody waits for it any more.
  zstd.on("error", () => {});
  let unreadable: unknown;
  const reading = feed(from, zstd).catch((error: unknown) => {
    unreadable = error;
    zstd.destroy(error instanceof Error ? error : undefined);
  });
  const chunks = zstd[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextOf(chunks);
      if (next === undefined) break;
      yield next;
    }
  } catch (error) {
    throw unreadable ?? error;
  } finally {
    zstd.destroy();
    await reading;
  }
}

/** Whatever zstd says against it, the file is damaged. */
async function nextOf(chunks: AsyncIterator<unknown>): Promise<Buffer | undefined> {
  try {
    const { value, done } = await chunks.next();
    return done !== true && Buffer.isBuffer(value) ? value : undefined;
  } catch (error) {
    throw new BrokenArchive("zstd can't read it", { cause: error });
  }
}

async function feed(
  { fd, start }: { readonly fd: number; readonly start: number },
  zstd: ReturnType<typeof createZstdDecompress>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => zstd.once("close", resolve));
  for (let at = start; !zstd.destroyed;) {
    const block = Buffer.allocUnsafe(blockBytes);
    const { bytesRead } = await readSome(fd, block, 0, blockBytes, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const taken = new Promise<void>((resolve) => zstd.write(block.subarray(0, bytesRead), () => resolve()));
    await Promise.race([taken, closed]);
  }
  if (!zstd.destroyed) zstd.end();
}

class UnpackedFiles implements TarSink {
  readonly #folder: string;
  readonly #restorer: Restorer;
  /** Nothing is ever made below a path that isn't one of them, so no link that the archive holds is followed. */
  readonly #folders = new Map<string, TarEntry | undefined>([[".", undefined]]);
  #open: { readonly fd: number; readonly entry: TarEntry; written: number } | undefined;

  constructor(folder: string, restorer: Restorer) {
    this.#folder = folder;
    this.#restorer = restorer;
  }

  begin(entry: TarEntry): void {
    if (!isInner(entry.path)) throw new BrokenArchive("it names a path outside of the workspace");
    this.#makeParents(entry.path);
    const place = this.#placeOf(entry.path);
    if (entry.kind === "folder") this.#makeFolder(entry.path, entry);
    else if (entry.kind === "file") this.#open = { fd: openSync(place, "wx", 0o600), entry, written: 0 };
    else if (entry.kind === "link") {
      symlinkSync(entry.target, place);
      this.#restorer.link(place, entry);
    } else {
      if (!isInner(entry.target)) throw new BrokenArchive("it links to a path outside of the workspace");
      if (!this.#folders.has(dirname(entry.target))) throw new BrokenArchive("it links to what isn't there");
      linkSync(this.#placeOf(entry.target), place);
    }
  }

  data(bytes: Buffer): void {
    if (this.#open === undefined) return;
    writeWhole(this.#open.fd, bytes, this.#open.written);
    this.#open.written += bytes.length;
  }

  end(): void {
    if (this.#open === undefined) return;
    this.#restorer.file(this.#open.fd, this.#open.entry);
    this.close();
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  /** Folders get their times last, the innermost first: whatever is made in one changes them. */
  async finish(signal: AbortSignal): Promise<ReadonlyMap<string, TarEntry | undefined>> {
    const slices = new Slices();
    for (const [path, entry] of [...this.#folders].toReversed()) {
      if (slices.isOver) await slices.pause(signal);
      if (entry !== undefined) this.#restorer.folder(this.#placeOf(path), entry);
      else if (path !== ".") chmodSync(this.#placeOf(path), 0o777);
    }
    return this.#folders;
  }

  #makeParents(path: string): void {
    const parent = dirname(path);
    if (this.#folders.has(parent)) return;
    this.#makeParents(parent);
    this.#makeFolder(parent, undefined);
  }

  #makeFolder(path: string, entry: TarEntry | undefined): void {
    mkdirSync(this.#placeOf(path), 0o777);
    this.#folders.set(path, entry);
  }

  #placeOf(path: string): string {
    return `${this.#folder}/${path}`;
  }
}

/** Relative, and without a part that leads elsewhere. */
function isInner(path: string): boolean {
  return (
    !path.includes("\0") && path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
