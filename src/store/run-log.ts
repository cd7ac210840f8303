import type { Hash } from "node:crypto";
import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { Cursor, OutputLine } from "../engine/engine.ts";
import type { LogLine, LogTotals } from "../events/event.ts";
import { type Clock, timestamp } from "../shared/clock.ts";
import { diskError } from "./disk-error.ts";
import type { LogFeed } from "./log-feed.ts";
import { type KeptLog, recoverLog } from "./log-file.ts";
import { encodeCursor, encodeLines } from "./log-lines.ts";
import { appendWhole } from "./ndjson.ts";

const what = "the run's log";

export interface RunLogFacts {
  readonly feed: LogFeed;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

/**
 * The one writer of a run's log.ndjson. Each batch is one write: its lines, then a record with the engine's cursor.
 * After a crash the file is cut to its last cursor record, so that lines and cursor agree exactly, and goes on from there.
 */
export class RunLog {
  readonly #fd: number;
  readonly #feed: LogFeed;
  readonly #clock: Clock;
  readonly #hash: Hash;
  #size: number;
  #cursor: Cursor | undefined;
  #lastSeq: number;
  #lines: number;
  #bytes: number;
  #scratch = Buffer.alloc(0);
  #closed = false;
  #totals: LogTotals | undefined;
  #mask = (text: string): string => text;

  private constructor(fd: number, kept: KeptLog, facts: RunLogFacts) {
    this.#fd = fd;
    this.#feed = facts.feed;
    this.#clock = facts.clock;
    this.#hash = kept.hash;
    this.#size = kept.size;
    this.#cursor = kept.cursor;
    this.#lastSeq = kept.lastSeq;
    this.#lines = kept.lines;
    this.#bytes = kept.bytes;
  }

  static async open(path: string, facts: RunLogFacts): Promise<RunLog> {
    let fd: number | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      const kept = await recoverLog(fd);
      if (kept.damaged > 0) facts.warn(`${kept.damaged} damaged lines of a log are left out of its totals`);
      const log = new RunLog(fd, kept, facts);
      facts.feed.announce(log.#size);
      return log;
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      throw diskError(error, what);
    }
  }

  /** The engine's place after the last line stored; undefined before any output was. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Stores a batch of the stage's output, all or nothing; readers have it when this returns. Throws `disk_full`, `state_unwritable`. */
  append(lines: readonly OutputLine[], cursor: Cursor): void {
    if (lines.length === 0 && cursor === this.#cursor) return;
    this.#write("stdout", lines, cursor);
    this.#cursor = cursor;
  }

  /** From now on the runner's own lines are stored without secrets; the stage's must come without. */
  maskWith(mask: (text: string) => string): void {
    this.#mask = mask;
  }

  /** A text as it may leave the run. */
  masked(text: string): string {
    return this.#mask(text);
  }

  /** Stores a line of the runner's own. */
  say(text: string): void {
    // With the same cursor behind it, or a reopening would cut it.
    this.#write("runner", [{ step: 0, text: this.#mask(text) }], this.#cursor);
  }

  /** The same, and what follows is another container's output, which is read from its start. */
  sayAnew(text: string): void {
    this.#write("runner", [{ step: 0, text: this.#mask(text) }], undefined);
    this.#cursor = undefined;
  }

  #write(stream: LogLine["stream"], lines: readonly OutputLine[], cursor: Cursor | undefined): void {
    if (this.#closed) throw new Error("the run's log is closed");
    const time = timestamp(this.#clock.now());
    const { json, text } = encodeLines(lines, { firstSeq: this.#lastSeq + 1, time, stream });
    const record = encodeCursor(cursor);
    const bytes = this.#feed.tail.encode(json, record);
    appendWhole(this.#fd, bytes, this.#size, what);
    this.#feed.tail.keep(this.#size, bytes.length, Buffer.byteLength(record));
    this.#count(lines.length, text);
    this.#size += bytes.length;
    this.#feed.announce(this.#size);
  }

  #count(lines: number, text: string): void {
    // UTF-8 takes at most three bytes a UTF-16 unit. Memory used again: new one for each batch costs a tenth of the whole.
    if (this.#scratch.length < text.length * 3) this.#scratch = Buffer.allocUnsafeSlow(text.length * 3);
    const bytes = this.#scratch.subarray(0, this.#scratch.write(text));
    this.#hash.update(bytes);
    this.#lastSeq += lines;
    this.#lines += lines;
    this.#bytes += bytes.length;
  }

  /** Ends the log for its readers and closes the file. The totals are of the whole log, also of what earlier processes stored. */
  finish(): LogTotals {
    if (this.#totals !== undefined) return this.#totals;
    this.#totals = { lines: this.#lines, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
    this.close();
    return this.#totals;
  }

  /** Closes the file without an end, for a process that leaves: the next one reopens it. Readers here end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
    this.#feed.end();
  }
}
