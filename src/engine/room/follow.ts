import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { RunnerError, systemCodeOf } from "../../shared/errors.ts";
import type { OutputBatch, OutputLine } from "../engine.ts";
import { Cutter } from "./cut.ts";
import { readMarks } from "./read-marks.ts";
import { Marks } from "./marks.ts";

/** One read; larger ones gain nothing, smaller ones cost calls. */
const readBytes = 256 * 1024;
/**
 * How often the log is looked at: at once while there is output, then ever less. A look costs about 2 µs, works on
 * every file system, and needs no watcher to be trusted.
 */
const shortestPauseMs = 1;
const longestPauseMs = 8;
/** An unfinished line (a prompt, a progress bar) is shown when nothing was added to it for this long. */
const patienceMs = 400;

export interface Following {
  readonly room: string;
  readonly nonce: string;
  /** The byte of the log to go on from; what stands before it was yielded by an earlier call. */
  readonly from: number;
  /** True once the container has ended: nothing more is written, so the log is read to its end and left. */
  readonly ended: () => boolean;
}

/**
 * Yields the log's lines as the stage writes them, with the byte offset as the cursor; returns the marks it met.
 * The log may shrink or lie, being the stage's: a place beyond its end becomes its end.
 */
export async function* followRoom(
  following: Following,
  signal: AbortSignal,
): AsyncGenerator<OutputBatch, Marks, void> {
  const file = await openLog(following.room);
  try {
    const marks = new Marks();
    const cutter = new Cutter(following.nonce);
    // So that the steps are whole after a restart.
    await readMarks(file, following.from, cutter, marks);
    const tail = new Tail(file, cutter, marks, following.from);
    let pauseMs = shortestPauseMs;
    while (marks.end === undefined) {
      signal.throwIfAborted();
      const last = following.ended();
      const { lines, moved } = await tail.read(last);
      if (lines.length > 0) yield { lines, cursor: tail.offset };
      if (last && !moved) break;
      if (!moved) await sleep(pauseMs, undefined, { signal });
      pauseMs = moved ? shortestPauseMs : Math.min(pauseMs * 1.3, longestPauseMs);
    }
    return marks;
  } finally {
    await file.close();
  }
}

/** A stage that is root can shut its log to a runner that isn't. */
async function openLog(room: string): Promise<FileHandle> {
  try {
    return await open(`${room}/log`, "r");
  } catch (error) {
    if (systemCodeOf(error) !== "EACCES") throw error;
    throw new RunnerError("engine_failed", "the stage has shut its log to the runner", { cause: error });
  }
}

/** A place in a log that grows. */
class Tail {
  offset: number;
  readonly #file: FileHandle;
  readonly #cutter: Cutter;
  readonly #marks: Marks;
  readonly #buffer = Buffer.allocUnsafe(readBytes);
  /** How much there was to read last time, and since when it has been that much. */
  #waiting = { bytes: 0, since: performance.now() };

  constructor(file: FileHandle, cutter: Cutter, marks: Marks, offset: number) {
    this.#file = file;
    this.#cutter = cutter;
    this.#marks = marks;
    this.offset = offset;
  }

  /** `last`: nothing more is written, so an unfinished line is finished. `moved`: something was read. */
  async read(last: boolean): Promise<{ readonly lines: readonly OutputLine[]; readonly moved: boolean }> {
    const { bytesRead } = await this.#file.read(this.#buffer, 0, readBytes, this.offset);
    if (bytesRead === 0) this.offset = Math.min(this.offset, (await this.#file.stat()).size);
    const now = performance.now();
    if (bytesRead !== this.#waiting.bytes) this.#waiting = { bytes: bytesRead, since: now };
    const flush = bytesRead < readBytes && (last || now - this.#waiting.since > patienceMs);
    const bytes = this.#buffer.subarray(0, bytesRead);
    const { lines, used } = this.#cutter.cut(
      flush && !last ? wholeCharacters(bytes) : bytes,
      this.#marks,
      flush,
    );
    this.offset += used;
    return { lines, moved: used > 0 };
  }
}

/** Without a last character that isn't whole yet: an unfinished line is shown up to it. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length] ?? 0;
    if (byte < 0x80) return bytes;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte >= 0xc0) return wanted > length ? bytes.subarray(0, bytes.length - length) : bytes;
  }
  return bytes;
}
