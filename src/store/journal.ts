import { closeSync, fdatasync, mkdirSync, openSync, readFileSync, constants } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { RecordedEvent } from "../events/event.ts";
import { isRecordedEvent, isRunState } from "../events/recorded.ts";
import { isFinal, reduceRun, type RunState } from "../events/run-state.ts";
import { systemCodeOf } from "../shared/errors.ts";
import { diskError } from "./disk-error.ts";
import { eventsFile, stateFile } from "./layout.ts";
import { appendWhole, parseLine, readNdjson } from "./ndjson.ts";

const syncData = promisify(fdatasync);

/** events.ndjson of one run, as read. */
export interface Journal {
  readonly events: readonly RecordedEvent[];
  /** Where the next event goes: the end of the last whole line. */
  readonly size: number;
  /** Whole lines that are no event of this run. */
  readonly damaged: number;
}

export function readJournal(folder: string, runId: string): Journal {
  const { records, size, damaged } = readNdjson(eventsFile(folder, runId));
  const events = records.filter(isRecordedEvent).filter((event) => event.runId === runId);
  return { events, size, damaged: damaged + records.length - events.length };
}

/** The fold of a journal; undefined when its beginning, which says what was asked for, is lost. */
export function foldJournal(journal: Journal): RunState | undefined {
  if (journal.events[0]?.type !== "accepted") return undefined;
  let state: RunState | undefined;
  for (const event of journal.events) state = reduceRun(state, event);
  return state;
}

/** The state of a run on disk. A final run.json says all: the journal is read only for runs that aren't done. */
export function readRun(folder: string, runId: string): RunState | undefined {
  const document = readStateDocument(stateFile(folder, runId));
  if (document?.runId === runId && isFinal(document.status)) return document;
  return foldJournal(readJournal(folder, runId));
}

function readStateDocument(path: string): RunState | undefined {
  try {
    const document = parseLine(readFileSync(path, "utf8"));
    return isRunState(document) ? document : undefined;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Puts an event at `size`; returns the journal's new size. When it rejects, the journal is as before. */
export async function appendEvent(
  path: string,
  event: RecordedEvent,
  options: { readonly size: number; readonly durable: boolean },
): Promise<number> {
  const what = "the run's journal";
  const bytes = Buffer.from(`${JSON.stringify(event)}\n`);
  let fd: number;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    throw diskError(error, what);
  }
  try {
    appendWhole(fd, bytes, options.size, what);
    if (options.durable) await syncOrCut(fd, options.size, what);
    return options.size + bytes.length;
  } finally {
    closeSync(fd);
  }
}

/** What may not be on disk wasn't recorded. */
async function syncOrCut(fd: number, size: number, what: string): Promise<void> {
  try {
    await syncData(fd);
  } catch (error) {
    appendWhole(fd, new Uint8Array(), size, what);
    throw diskError(error, what);
  }
}
