import { closeSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { TestReport } from "../../events/test-report.ts";
import { formatBytes } from "../../shared/bytes.ts";
import { RunnerError } from "../../shared/errors.ts";
import { openInside } from "../artifact-copy.ts";
import { shown, walkArtifacts } from "../artifact-walk.ts";
import { decoderFor } from "./encoding.ts";
import { junitReader } from "./junit.ts";
import { Tally } from "./tally.ts";

const mostFiles = 1000;
const mostBytesOfFile = 64 * 1024 * 1024;
const mostBytes = 128 * 1024 * 1024;
const mostNotes = 20;
const blockBytes = 64 * 1024;

export interface ReportsRead {
  /** Absent when no report could be read. */
  readonly report?: TestReport;
  /** How many files it's made of. */
  readonly files: number;
  /** What was left out, a line each, for people. */
  readonly notes: readonly string[];
}

/**
 * Reads the test reports that the globs name in a workspace, within bounds of time and memory whatever the stage left there.
 * Texts of theirs pass `masked` before anything is cut from them. After `signal` is aborted, what has been read by then is the report.
 */
export async function readReports(
  workspace: string,
  globs: readonly string[],
  masked: (text: string) => string,
  signal: AbortSignal,
): Promise<ReportsRead> {
  const reading = new Reading(workspace, new Tally(masked), signal);
  try {
    const walk = await walkArtifacts(workspace, { paths: globs, exclude: [], when: "always" }, signal);
    for (const glob of walk.missing) reading.note(`nothing matches ${glob}`);
    for (const why of walk.refused) reading.leaveOut(why);
    for (const path of walk.links.keys()) reading.leaveOut(`${shown(path)}: a symbolic link`);
    for (const path of walk.files) await reading.read(path);
  } catch (error) {
    if (error instanceof RunnerError)
      reading.leaveOut("all: the globs match more than 10000 files; name fewer");
    else if (signal.aborted) reading.leaveOut("all: it took too long to find them");
    else throw error;
  }
  return reading.result();
}

class Reading {
  readonly #workspace: string;
  readonly #signal: AbortSignal;
  readonly #tally: Tally;
  readonly #notes: string[] = [];
  #unnoted = 0;
  #files = 0;
  #bytes = 0;

  constructor(workspace: string, tally: Tally, signal: AbortSignal) {
    this.#workspace = workspace;
    this.#tally = tally;
    this.#signal = signal;
  }

  result(): ReportsRead {
    const notes = this.#unnoted > 0 ? [...this.#notes, `and ${this.#unnoted} more`] : this.#notes;
    return { ...(this.#files > 0 ? { report: this.#tally.report() } : {}), files: this.#files, notes };
  }

  note(text: string): void {
    if (this.#notes.length < mostNotes) this.#notes.push(text);
    else this.#unnoted += 1;
  }

  leaveOut(what: string): void {
    this.#tally.markIncomplete();
    this.note(`left out ${what}`);
  }

  async read(path: string): Promise<void> {
    const why = this.#reasonAgainst();
    if (why !== undefined) return this.leaveOut(`${shown(path)}: ${why}`);
    const opened = openInside(this.#workspace, path);
    if (typeof opened === "string") return this.leaveOut(`${shown(path)}: ${opened}`);
    this.#files += 1;
    try {
      const fault = await this.#readOpened(opened.fd);
      if (fault !== undefined) this.leaveOut(`the rest of ${shown(path)}: ${fault}`);
    } finally {
      closeSync(opened.fd);
    }
  }

  #reasonAgainst(): string | undefined {
    if (this.#files >= mostFiles) return `more than ${mostFiles} reports`;
    if (this.#bytes >= mostBytes) return `all reports together are larger than ${formatBytes(mostBytes)}`;
    return this.#signal.aborted ? "it took too long to read them all" : undefined;
  }

  /** undefined, or why it wasn't read to its end. */
  async #readOpened(fd: number): Promise<string | undefined> {
    const reader = junitReader(this.#tally);
    const block = Buffer.allocUnsafe(blockBytes);
    let decoder: TextDecoder | undefined;
    for (let position = 0; ;) {
      if (this.#signal.aborted) return "it took too long to read";
      if (position >= mostBytesOfFile) return `it's larger than ${formatBytes(mostBytesOfFile)}`;
      const read = readSync(fd, block, 0, blockBytes, position);
      if (read === 0) break;
      const bytes = block.subarray(0, read);
      decoder ??= decoderFor(bytes);
      reader.write(decoder.decode(bytes, { stream: true }));
      if (reader.fault !== undefined) return reader.fault;
      position += read;
      this.#bytes += read;
      await nextTurn();
    }
    reader.end();
    return reader.fault;
  }
}
