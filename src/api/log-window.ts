import { RunnerError } from "../shared/errors.ts";
import { lastSeqOf, splitLines, wantedLines } from "./log-lines.ts";
import type { LineFilter } from "./log-lines.ts";
import type { ApiStore } from "./options.ts";

/** As asked for, in the query's own words. */
export interface WindowQuery {
  readonly after?: string;
  readonly tail?: string;
  readonly step?: string;
}

/** The part of a log that a reader wants: lines with a seq above `after` that pass the filter. */
export interface LogWindow {
  readonly after: number;
  readonly filter: LineFilter;
}

/**
 * `tail` counts back from the last line there is now, among the lines that `step` and `after` leave; what comes
 * later comes too. The log is read once to count, since its end isn't known while it grows.
 */
export async function logWindow(
  store: Pick<ApiStore, "readLog">,
  runId: string,
  query: WindowQuery,
  signal: AbortSignal,
): Promise<LogWindow> {
  const after = Number(query.after ?? 0);
  const step = query.step === undefined ? undefined : Number(query.step);
  const filter = { skip: 0, ...(step !== undefined && { step }) };
  if (query.tail === undefined) return { after, filter };
  const tail = Number(query.tail);
  let count = 0;
  let lastSeq = after;
  for await (const lines of store.readLog(runId, { after, follow: false }, signal)) {
    lastSeq = lastSeqOf(lines);
    if (step !== undefined) count += splitLines(wantedLines(lines, { step, skip: 0 })).length;
  }
  if (step === undefined) return { after: Math.max(after, lastSeq - tail), filter };
  return { after, filter: { step, skip: Math.max(0, count - tail) } };
}

/**
 * Where a client that lost its event stream goes on. Its browser asks for the same address again, so the header
 * wins over the query, and `tail` no longer counts: lines that came in between would be left out.
 */
export function resumed(query: WindowQuery, lastEventId: string | null): WindowQuery {
  if (lastEventId === null || lastEventId === "") return query;
  if (!/^\d{1,15}$/.test(lastEventId)) {
    const message = "must be a whole number, 0 or more";
    throw new RunnerError("invalid_request", `header.Last-Event-ID: ${message}`, {
      errors: [{ path: "header.Last-Event-ID", message }],
    });
  }
  return { after: lastEventId, ...(query.step !== undefined && { step: query.step }) };
}
