import { closeSync, constants, fstatSync, lstatSync, openSync, read, readlinkSync, readSync } from "node:fs";
import { promisify } from "node:util";
import { systemCodeOf } from "../../shared/errors.ts";
import { CacheTooBig, Compressor, type Compressed, type Read } from "./compressor.ts";
import { factsOf, Fingerprint } from "./facts.ts";
import { Slices } from "./slices.ts";
import { blockSize, encodeTarHeader, paddingOf, type TarEntry } from "./tar-header.ts";
import { CacheWalk, type Found } from "./walk.ts";

const readSome = promisify(read);

const mostEntries = 1_000_000;
/** A file of holes may claim any size and still compress to nothing. */
const mostRawPerStored = 10;
/** A bigger file is read by another thread. */
const smallBytes = 64 * 1024;

export interface Packed extends Compressed {
  readonly files: number;
  readonly fingerprint: string;
  /** "path: why", of what was left out. */
  readonly refused: readonly string[];
}

/** Where the archive goes. */
export interface Target {
  readonly fd: number;
  readonly position: number;
  /** The file may become this big. */
  readonly mostBytes: number;
}

/**
 * Writes all that the paths name as a compressed tar archive. The stage must have ended; what it left may be of any hostility:
 * links aren't followed, what is neither file, folder nor link is left out and named. Throws CacheTooBig, `disk_full`.
 */
export async function pack(
  workspace: string,
  paths: readonly string[],
  target: Target,
  signal: AbortSignal,
): Promise<Packed> {
  const compressor = new Compressor(target.fd, target.position, target.mostBytes);
  try {
    return await new Packer(workspace, paths, compressor).pack(target.mostBytes * mostRawPerStored, signal);
  } finally {
    await compressor.abandon();
  }
}

class Packer {
  readonly #workspace: string;
  readonly #walk: CacheWalk;
  readonly #out: Compressor;
  readonly #fingerprint = new Fingerprint();
  /** The first name of a file that has several, by device and inode. */
  readonly #names = new Map<string, string>();

  constructor(workspace: string, paths: readonly string[], out: Compressor) {
    this.#workspace = workspace;
    this.#walk = new CacheWalk(workspace, paths);
    this.#out = out;
  }

  async pack(mostRaw: number, signal: AbortSignal): Promise<Packed> {
    const slices = new Slices();
    for (const found of this.#walk.found()) {
      if (slices.isOver) await slices.pause(signal);
      if (this.#out.rawBytes > mostRaw || this.#fingerprint.count >= mostEntries)
        throw new CacheTooBig("too big");
      if (found.kind === "file") await this.#file(found, mostRaw, signal);
      else await this.#other(found);
    }
    await this.#out.put(padding + padding);
    const { count: files } = this.#fingerprint;
    const compressed = await this.#out.end();
    return { ...compressed, files, fingerprint: this.#fingerprint.digest(), refused: this.#walk.refused };
  }

  async #other(found: Found): Promise<void> {
    const place = `${this.#workspace}/${found.path}`;
    const stat = lstatSync(place);
    await this.#header(factsOf(found, stat, found.kind === "link" ? readlinkSync(place) : ""));
  }

  async #file(found: Found, mostRaw: number, signal: AbortSignal): Promise<void> {
    const fd = this.#open(found.path);
    if (fd === undefined) return;
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return this.#walk.refuse(found.path, "not a regular file");
      if (stat.size > mostRaw) throw new CacheTooBig("too big");
      const facts = factsOf(found, stat, "");
      this.#fingerprint.add(facts);
      const first = stat.nlink > 1 ? this.#firstName(found.path, `${stat.dev}:${stat.ino}`) : undefined;
      if (first !== undefined)
        return await this.#out.put(encodeTarHeader({ ...facts, kind: "hardlink", size: 0, target: first }));
      await this.#out.put(encodeTarHeader(facts));
      await this.#content(fd, stat.size, signal);
    } finally {
      closeSync(fd);
    }
  }

  /** Never through a link, and never blocked by a FIFO. */
  #open(path: string): number | undefined {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    try {
      return openSync(`${this.#workspace}/${path}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      this.#walk.refuse(path, `can't be read (${systemCodeOf(error) ?? "unknown error"})`);
      return undefined;
    }
  }

  #firstName(path: string, inode: string): string | undefined {
    const first = this.#names.get(inode);
    if (first === undefined) this.#names.set(inode, path);
    return first;
  }

  /** As many bytes as the header says; a file that has become shorter is filled up with zeros. */
  async #content(fd: number, size: number, signal: AbortSignal): Promise<void> {
    let done = 0;
    const next: Read = (buffer, offset, length) => readInto(fd, { buffer, offset, length }, done);
    while (done < size) {
      const bytes = await this.#out.fill(size - done, next);
      done += bytes === 0 ? await this.#out.fill(size - done, zeros) : bytes;
      if (size > smallBytes) signal.throwIfAborted();
    }
    if (size % blockSize > 0) await this.#out.put(padding.slice(0, paddingOf(size)));
  }

  async #header(facts: TarEntry): Promise<void> {
    this.#fingerprint.add(facts);
    await this.#out.put(encodeTarHeader(facts));
  }
}

const padding = "\0".repeat(blockSize);

const zeros: Read = (buffer, offset, length) => {
  buffer.fill(0, offset, offset + length);
  return length;
};

function readInto(
  fd: number,
  { buffer, offset, length }: { readonly buffer: Buffer; readonly offset: number; readonly length: number },
  position: number,
): number | Promise<number> {
  if (length <= smallBytes) return readSync(fd, buffer, offset, length, position);
  return readSome(fd, buffer, offset, length, position).then(({ bytesRead }) => bytesRead);
}
