import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { count, record, text } from "../../events/shape.ts";
import { systemCodeOf } from "../../shared/errors.ts";
import { writeAtomic } from "../atomic.ts";
import { type CacheEntryName, cacheIndexFile } from "../layout.ts";
import { parseNdjson } from "../ndjson.ts";

/** What is known of an entry without opening it. */
export interface Indexed {
  readonly bytes: number;
  /** Milliseconds since the epoch; when it was last saved or restored. */
  readonly usedAt: number;
}

/** A line: an entry was saved (`bytes`), used (neither), or is gone (`bytes` is 0). */
interface Line {
  readonly entry: CacheEntryName;
  readonly at: number;
  readonly bytes?: number;
}

const shape = record({ entry: text, at: count });

function isLine(value: unknown): value is Line {
  return shape(value);
}

/** So many lines beyond two for each entry, and the journal is written anew. */
const slack = 1000;

/**
 * The sizes of all entries, the one used longest ago first: a fold of a journal to which every process appends, so that a save
 * costs no look at the cache. It can be thrown away: then the cache is looked through once.
 */
export class CacheIndex {
  readonly #folder: string;
  #entries = new Map<CacheEntryName, Indexed>();
  #bytes = 0;
  #lines = 0;
  /** How far the journal has been read, and of which file. */
  #place = { inode: 0, offset: 0 };

  constructor(folder: string) {
    this.#folder = folder;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Used longest ago first. */
  entries(): IterableIterator<[CacheEntryName, Indexed]> {
    return this.#entries.entries();
  }

  /** Takes in what all processes have written since. False when the journal is lost or damaged, and `rebuild` is due. */
  refresh(): boolean {
    let fd: number;
    try {
      fd = openSync(cacheIndexFile(this.#folder), "r");
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return false;
      throw error;
    }
    try {
      return this.#read(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Whoever appends more than a use holds the lock of the cache. A journal that isn't there isn't begun: it would look whole. */
  append(line: Line): void {
    try {
      const fd = openSync(cacheIndexFile(this.#folder), constants.O_WRONLY | constants.O_APPEND);
      try {
        writeSync(fd, `${JSON.stringify(line)}\n`);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (systemCodeOf(error) !== "ENOENT") throw error;
    }
  }

  /** Only with the lock. */
  async rebuild(found: readonly (readonly [CacheEntryName, Indexed])[]): Promise<void> {
    this.#forget();
    for (const [entry, { bytes, usedAt }] of found.toSorted(([, one], [, two]) => one.usedAt - two.usedAt))
      this.#fold({ entry, at: usedAt, bytes });
    await this.#write();
  }

  /** Only with the lock. */
  async compact(): Promise<void> {
    if (this.#lines > 2 * this.#entries.size + slack) await this.#write();
  }

  async #write(): Promise<void> {
    const lines = [...this.#entries].map(([entry, { bytes, usedAt }]) =>
      JSON.stringify({ entry, at: usedAt, bytes }),
    );
    const content = lines.map((line) => `${line}\n`).join("");
    await writeAtomic(cacheIndexFile(this.#folder), content, { durable: false });
    this.#forget();
    this.refresh();
  }

  #read(fd: number): boolean {
    const { ino: inode, size } = fstatSync(fd);
    if (inode !== this.#place.inode || size < this.#place.offset) this.#forget();
    const { offset } = this.#place;
    const bytes = Buffer.allocUnsafe(size - offset);
    const length = readSync(fd, bytes, 0, bytes.length, offset);
    const { records, size: whole, damaged } = parseNdjson(bytes.subarray(0, length));
    const lines = records.filter(isLine);
    this.#place = { inode, offset: offset + whole };
    for (const line of lines) this.#fold(line);
    // A torn line is one that a process was killed over: the next one to be appended would be lost in it.
    return damaged === 0 && lines.length === records.length && whole === length;
  }

  #fold({ entry, at, bytes }: Line): void {
    this.#lines += 1;
    const before = this.#entries.get(entry);
    if (bytes === undefined && before === undefined) return;
    this.#entries.delete(entry);
    this.#bytes -= before?.bytes ?? 0;
    const now = bytes ?? before?.bytes ?? 0;
    if (now === 0) return;
    this.#entries.set(entry, { bytes: now, usedAt: at });
    this.#bytes += now;
  }

  #forget(): void {
    this.#entries = new Map();
    this.#bytes = 0;
    this.#lines = 0;
    this.#place = { inode: 0, offset: 0 };
  }
}
