import { blockSize, decodeTarHeader, paddingOf, parsePax, type TarEntry } from "./tar-header.ts";

/** Gets what an archive holds, as it comes. */
export interface TarSink {
  begin(entry: TarEntry): void;
  /** A piece of the file that was begun; good during the call only. */
  data(bytes: Buffer): void;
  /** The file that was begun is whole. */
  end(): void;
}

/** Something that is no archive of ours, or half of one. */
export class BrokenArchive extends Error {
  override readonly name = "BrokenArchive";
}

const longestPax = 64 * 1024;
const nothing = Buffer.alloc(0);

/** Takes an archive apart, piece by piece, however it's cut. Throws BrokenArchive. */
export class TarParser {
  readonly #sink: TarSink;
  #rest: Buffer = nothing;
  #pax: Readonly<Record<string, string>> = {};
  /** Bytes still to come of the file that was begun, and of what fills its last block. */
  #content = 0;
  #padding = 0;
  #inFile = false;
  #ended = false;
  rawBytes = 0;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  feed(chunk: Buffer): void {
    this.rawBytes += chunk.length;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const used = this.#step(bytes);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    this.#rest = bytes.length === 0 ? nothing : Buffer.from(bytes);
  }

  /** To be called when all has been fed. */
  finish(): void {
    if (!this.#ended || this.#inFile) throw new BrokenArchive("it ends too early");
  }

  /** How many of the bytes were used; 0: more must come first. */
  #step(bytes: Buffer): number {
    if (this.#inFile) return this.#readContent(bytes);
    if (this.#padding > 0) return this.#skip(bytes);
    if (bytes.length < blockSize) return 0;
    if (this.#ended) return blockSize;
    const decoded = decodeTarHeader(bytes.subarray(0, blockSize), this.#pax);
    if (decoded === undefined) throw new BrokenArchive("a header is damaged");
    if (decoded.kind === "pax") return this.#readPax(bytes, decoded.size);
    this.#pax = {};
    if (decoded.kind === "end") this.#ended = true;
    else this.#begin(decoded.entry);
    return blockSize;
  }

  #begin(entry: TarEntry): void {
    this.#sink.begin(entry);
    if (entry.kind !== "file") return;
    this.#content = entry.size;
    this.#padding = paddingOf(entry.size);
    this.#inFile = true;
    if (entry.size === 0) this.#endFile();
  }

  #readContent(bytes: Buffer): number {
    const used = Math.min(bytes.length, this.#content);
    if (used > 0) this.#sink.data(bytes.subarray(0, used));
    this.#content -= used;
    if (this.#content === 0) this.#endFile();
    return used;
  }

  #endFile(): void {
    this.#inFile = false;
    this.#sink.end();
  }

  #skip(bytes: Buffer): number {
    const used = Math.min(bytes.length, this.#padding);
    this.#padding -= used;
    return used;
  }

  #readPax(bytes: Buffer, size: number): number {
    if (!(size <= longestPax)) throw new BrokenArchive("a header is too long");
    const whole = blockSize + size + paddingOf(size);
    if (bytes.length < whole) return 0;
    this.#pax = parsePax(bytes.subarray(blockSize, blockSize + size));
    return whole;
  }
}
