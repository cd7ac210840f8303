import { closeSync, fstatSync, openSync } from "node:fs";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import type { Clock } from "../shared/clock.ts";
import { logFile } from "./layout.ts";
import { LogFeed } from "./log-feed.ts";
import { lastCursor, readBlock } from "./log-file.ts";
import { type LogSource, type ReadLogOptions, readLines } from "./log-reader.ts";
import { RunLog } from "./run-log.ts";

export interface RunLogsOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
  /** undefined: there's no such run. */
  readonly isFinal: (runId: string) => boolean | undefined;
}

/** The logs of all runs, with a feed for each run that isn't final and has a writer or readers. */
export class RunLogs {
  readonly #options: RunLogsOptions;
  readonly #feeds = new Map<string, LogFeed>();
  readonly #writers = new Map<string, Promise<RunLog>>();

  constructor(options: RunLogsOptions) {
    this.#options = options;
  }

  /** While the run's log is open, the same writer again. */
  async open(runId: string): Promise<RunLog> {
    if (this.#options.isFinal(runId) === undefined) throw noRun();
    const before = this.#writers.get(runId);
    const opening = this.#openAfter(runId, before);
    this.#writers.set(runId, opening);
    return opening;
  }

  async #openAfter(runId: string, before: Promise<RunLog> | undefined): Promise<RunLog> {
    const current = await before?.catch(() => undefined);
    if (current !== undefined && !current.isClosed) return current;
    const { folder, clock, warn } = this.#options;
    return RunLog.open(logFile(folder, runId), {
      feed: this.#feedOf(runId),
      clock,
      warn: (message) => warn(`run ${runId}: ${message}`),
    });
  }

  async *read(runId: string, options: ReadLogOptions, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const final = this.#options.isFinal(runId);
    if (final === undefined) throw noRun();
    const source = options.follow && !final ? this.#growing(runId) : this.#asItIs(runId);
    yield* readLines(source, options.after, signal);
  }

  /** Follows the feed; before there's a writer, what an earlier process stored and no writer will cut. */
  #growing(runId: string): LogSource {
    const path = logFile(this.#options.folder, runId);
    const feed = this.#feedOf(runId);
    return {
      path,
      limit: () => feed.size ?? this.#storedBytes(runId),
      ended: () => feed.ended,
      change: (signal) => feed.change(signal),
      recent: (offset, most) => feed.tail.since(offset, most),
    };
  }

  #asItIs(runId: string): LogSource {
    const path = logFile(this.#options.folder, runId);
    const size = this.#feeds.get(runId)?.size ?? this.#storedBytes(runId);
    return { path, limit: () => size, ended: () => true, change: async () => {}, recent: () => undefined };
  }

  #storedBytes(runId: string): number {
    return storedBytes(logFile(this.#options.folder, runId), this.#options.isFinal(runId) ?? true);
  }

  /** For a run that is final: its readers read on to the end of what there is, and the memory goes. */
  async end(runId: string): Promise<void> {
    this.#feeds.get(runId)?.end();
    this.#feeds.delete(runId);
    const writer = this.#writers.get(runId);
    this.#writers.delete(runId);
    (await writer?.catch(() => undefined))?.close();
  }

  async close(): Promise<void> {
    await Promise.all(
      [...new Set([...this.#feeds.keys(), ...this.#writers.keys()])].map((id) => this.end(id)),
    );
  }

  #feedOf(runId: string): LogFeed {
    const feed = this.#feeds.get(runId) ?? new LogFeed();
    this.#feeds.set(runId, feed);
    return feed;
  }
}

/** How much of a log without a writer can be relied upon: what stands behind the last cursor record may yet be cut. */
function storedBytes(path: string, final: boolean): number {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return 0;
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    return final ? endOfLastLine(fd, size) : lastCursor(fd, size).end;
  } finally {
    closeSync(fd);
  }
}

function endOfLastLine(fd: number, size: number): number {
  const blockBytes = 64 * 1024;
  for (let to = size; to > 0; to -= blockBytes) {
    const from = Math.max(0, to - blockBytes);
    const end = readBlock(fd, from, to).lastIndexOf(10);
    if (end !== -1) return from + end + 1;
  }
  return 0;
}

function noRun(): RunnerError {
  return new RunnerError("not_found", "there is no such run");
}
