import { write } from "node:fs";
import { promisify } from "node:util";
import { constants, createZstdCompress } from "node:zlib";
import { diskError } from "../disk-error.ts";

const writeSome = promisify(write);

/** zstd's own; its lowest takes as long and as much again for what builds leave. */
const level = 3;
/** Read and compressed at the same time: one is filled while the other is with zstd. */
const blockBytes = 512 * 1024;

/** Reads so many bytes, or fewer, to this place of the buffer. */
export type Read = (buffer: Buffer, offset: number, length: number) => number | Promise<number>;

export interface Compressed {
  readonly rawBytes: number;
  readonly storedBytes: number;
}

/**
 * Bytes in, a zstd frame with a checksum out, into a file from `position` on. Compression and writing are done by other
 * threads; memory is two blocks and what zstd needs. Throws `disk_full`, and CacheTooBig beyond `mostBytes`.
 */
export class Compressor {
  readonly #zstd = createZstdCompress({
    params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_compressionLevel]: level },
  });
  readonly #writing: Promise<number>;
  #block = Buffer.allocUnsafeSlow(blockBytes);
  #other = Buffer.allocUnsafeSlow(blockBytes);
  #filled = 0;
  #rawBytes = 0;
  #busy: Promise<void> = Promise.resolve();

  constructor(fd: number, position: number, mostBytes: number) {
    this.#writing = this.#write(fd, position, mostBytes);
    this.#writing.catch((error: unknown) => this.#zstd.destroy(error instanceof Error ? error : undefined));
    this.#zstd.on("error", () => {}); // told by what waits for it
  }

  /** One character, one byte. */
  async put(bytes: string): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = at === 0 ? bytes : bytes.slice(at);
      const put = this.#block.write(part, this.#filled, "latin1");
      at += put;
      if (this.#wrote(put)) await this.flush();
    }
  }

  /** Fills what is left of the block by `read`, at most `most` bytes, and returns how many bytes that gave: none at the end of a file. */
  async fill(most: number, read: Read): Promise<number> {
    const length = Math.min(most, blockBytes - this.#filled);
    const given = read(this.#block, this.#filled, length);
    const bytes = typeof given === "number" ? given : await given;
    if (this.#wrote(bytes)) await this.flush();
    return bytes;
  }

  /** True when the block is full. */
  #wrote(bytes: number): boolean {
    this.#filled += bytes;
    this.#rawBytes += bytes;
    return this.#filled === blockBytes;
  }

  get rawBytes(): number {
    return this.#rawBytes;
  }

  async flush(): Promise<void> {
    const full = this.#block.subarray(0, this.#filled);
    await this.#busy;
    [this.#block, this.#other] = [this.#other, this.#block];
    this.#filled = 0;
    this.#busy = this.#compress(full);
    this.#busy.catch(() => {}); // awaited by the next one
  }

  async end(): Promise<Compressed> {
    await this.flush();
    await this.#busy;
    this.#zstd.end();
    return { rawBytes: this.#rawBytes, storedBytes: await this.#writing };
  }

  /** What is still on its way is dropped; resolves when nothing writes to the file any more. */
  async abandon(): Promise<void> {
    this.#zstd.destroy();
    await this.#writing.catch(() => {});
  }

  async #compress(bytes: Buffer): Promise<void> {
    const taken = new Promise<void>((resolve, reject) => {
      this.#zstd.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    await Promise.race([taken, this.#writing]); // rejects with why it can't be written
  }

  async #write(fd: number, position: number, mostBytes: number): Promise<number> {
    let end = position;
    for await (const chunk of this.#zstd) {
      if (!Buffer.isBuffer(chunk)) continue;
      if (end + chunk.length > mostBytes) throw new CacheTooBig("too big");
      await writeAll(fd, chunk, end);
      end += chunk.length;
    }
    return end;
  }
}

/** More than may be kept. */
export class CacheTooBig extends Error {
  override readonly name = "CacheTooBig";
}

async function writeAll(fd: number, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      done += (await writeSome(fd, bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  } catch (error) {
    throw diskError(error, "a cache");
  }
}
