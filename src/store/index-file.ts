import { closeSync, constants, existsSync, fdatasync, openSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { syncFolder, writeAtomic } from "./atomic.ts";
import { namesIn } from "./folder.ts";
import { readRun } from "./journal.ts";
import { indexFile, isRunId, monthPattern, runFolder, runsFolder } from "./layout.ts";
import { appendWhole, readNdjson } from "./ndjson.ts";
import { isRunSummary, type RunSummary, summaryOf } from "./summary.ts";

const syncData = promisify(fdatasync);
const what = "the index of runs";
/** Below this many lines that later ones replaced, compacting isn't worth it. */
const fewSuperseded = 512;

export interface IndexFileOptions {
  readonly folder: string;
  readonly durable: boolean;
  readonly warn: (message: string) => void;
}

/** index.ndjson: a journal of summaries in which later lines win. Derived: lost or damaged, it is made anew from runs/. */
export class IndexFile {
  readonly #fd: number;
  #size: number;
  #closed = false;

  private constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#size = size;
  }

  static async open(
    options: IndexFileOptions,
  ): Promise<{ readonly file: IndexFile; readonly summaries: readonly RunSummary[] }> {
    const path = indexFile(options.folder);
    const summaries = await readIndex(options);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    if (options.durable) await syncFolder(options.folder);
    return { file: new IndexFile(fd, readNdjson(path).size), summaries };
  }

  append(summary: RunSummary): void {
    // The number of a closed file may by now be another file's.
    if (this.#closed) throw new Error("the index of runs is closed");
    const bytes = Buffer.from(`${JSON.stringify(summary)}\n`);
    appendWhole(this.#fd, bytes, this.#size, what);
    this.#size += bytes.length;
  }

  async sync(): Promise<void> {
    if (!this.#closed) await syncData(this.#fd);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}

async function readIndex(options: IndexFileOptions): Promise<readonly RunSummary[]> {
  const path = indexFile(options.folder);
  const present = existsSync(path);
  const { records, damaged } = readNdjson(path);
  const lines = records.filter(isRunSummary).filter((summary) => isRunId(summary.runId));
  // An empty one says nothing; where there are no runs, making it anew costs nothing.
  const sound = damaged === 0 && lines.length === records.length && lines.length > 0;
  const latest = new Map(lines.map((summary) => [summary.runId, summary]));
  if (present && sound) {
    const superseded = lines.length - latest.size;
    if (superseded > Math.max(fewSuperseded, latest.size)) await writeIndex(options, [...latest.values()]);
    return [...latest.values()];
  }
  if (damaged > 0 || lines.length < records.length)
    options.warn("the index of runs is damaged; it is made anew from the runs");
  const summaries = rebuild(options);
  await writeIndex(options, summaries);
  return summaries;
}

async function writeIndex(options: IndexFileOptions, summaries: readonly RunSummary[]): Promise<void> {
  const text = summaries.map((summary) => `${JSON.stringify(summary)}\n`).join("");
  await writeAtomic(indexFile(options.folder), text, { durable: options.durable });
}

function rebuild({ folder, warn }: IndexFileOptions): readonly RunSummary[] {
  const summaries: RunSummary[] = [];
  for (const runId of runIdsOnDisk(folder)) {
    const state = readRun(folder, runId);
    if (state === undefined) warn(`run ${runId} is left out: its journal is lost or damaged`);
    else summaries.push(summaryOf(state));
  }
  return summaries.toSorted(byAcceptance);
}

/** Folders that aren't runs in their own month's folder are none of ours. */
function runIdsOnDisk(folder: string): readonly string[] {
  const months = namesIn(runsFolder(folder)).filter((name) => monthPattern.test(name));
  return months.flatMap((month) =>
    namesIn(join(runsFolder(folder), month))
      .filter(isRunId)
      .filter((runId) => runFolder(folder, runId) === join(runsFolder(folder), month, runId)),
  );
}

function byAcceptance(a: RunSummary, b: RunSummary): number {
  return compare(a.createdAt, b.createdAt) || compare(a.runId, b.runId);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
