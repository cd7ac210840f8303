/** One batch in memory and in the file, where a cursor record follows its lines. */
interface Batch {
  readonly fileStart: number;
  /** After the cursor record. */
  readonly fileEnd: number;
  /** Of its lines, in the region. */
  readonly start: number;
  readonly length: number;
}

export interface TailPiece {
  readonly bytes: Buffer;
  /** Where in the file the reader stands after it. */
  readonly next: number;
}

const regionBytes = 1024 * 1024;

/**
 * The last lines of a log that is being written, encoded once in memory that all its readers share: a thousand readers
 * at the end of a log cost no reads. Whoever is further behind reads the file.
 */
export class LogTail {
  #region = Buffer.alloc(0);
  #used = 0;
  #batches: Batch[] = [];
  /** Whether a reader may still look at the region. */
  #lent = false;

  /** The bytes of a batch with its cursor record, in place. They count once `keep` is called; until then the next call reuses them. */
  encode(lines: string, cursor: string): Buffer {
    const cursorBytes = Buffer.byteLength(cursor);
    let written = this.#region.write(lines, this.#used);
    // `write` stops at the region's end, before a character that doesn't fit (4 bytes at most).
    if (this.#used + written + 4 + cursorBytes > this.#region.length) {
      this.#startRegion(Buffer.byteLength(lines) + 4 + cursorBytes);
      written = this.#region.write(lines, 0);
    }
    this.#region.write(cursor, this.#used + written);
    return this.#region.subarray(this.#used, this.#used + written + cursorBytes);
  }

  /** A region that readers may hold goes when they let go; one that nobody looked at is used again. */
  #startRegion(atLeast: number): void {
    if (this.#lent || this.#region.length < atLeast) {
      this.#region = Buffer.allocUnsafeSlow(Math.max(regionBytes, atLeast));
    }
    this.#lent = false;
    this.#used = 0;
    this.#batches = [];
  }

  /** What `encode` gave last stands in the file from `fileStart`; `cursorBytes` of it are the cursor record. */
  keep(fileStart: number, bytes: number, cursorBytes: number): void {
    const length = bytes - cursorBytes;
    this.#batches.push({ fileStart, fileEnd: fileStart + bytes, start: this.#used, length });
    this.#used += length;
  }

  /** Whole lines from the file's byte `offset`, about `limit` bytes at most; undefined when they aren't here. */
  since(offset: number, limit: number): TailPiece | undefined {
    const batch = this.#find((candidate) => candidate.fileStart <= offset);
    if (batch === undefined || offset >= batch.fileEnd) return undefined;
    const start = batch.start + Math.min(offset - batch.fileStart, batch.length);
    const end = this.#endOfLine(start, limit);
    const last = end === this.#used ? this.#batches.at(-1) : this.#find((candidate) => candidate.start < end);
    if (last === undefined) return undefined;
    this.#lent = true;
    const into = end - last.start;
    const next = into >= last.length ? last.fileEnd : last.fileStart + into;
    return { bytes: this.#region.subarray(start, end), next };
  }

  #endOfLine(start: number, limit: number): number {
    if (this.#used - start <= limit) return this.#used;
    const before = this.#region.lastIndexOf(10, start + limit - 1) + 1;
    return before > start ? before : this.#region.indexOf(10, start + limit) + 1;
  }

  /** The last batch for which `holds`, which is true of all batches before it. */
  #find(holds: (batch: Batch) => boolean): Batch | undefined {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const batch = this.#batches[middle];
      if (batch !== undefined && holds(batch)) low = middle + 1;
      else high = middle;
    }
    return this.#batches[low - 1];
  }
}
