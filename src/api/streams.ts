import type { RunState } from "../events/run-state.ts";
import { messageOf } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";
import { byteStream, nextOf } from "./byte-stream.ts";
import { LogFeed } from "./log-feed.ts";
import type { Fed } from "./log-feed.ts";
import { encodeSse } from "./log-events.ts";
import { encodeJsonString, encodeText, wantedLines } from "./log-lines.ts";
import type { LogWindow } from "./log-window.ts";
import type { ApiContext, ApiStore } from "./options.ts";
import { logEndView, stageName } from "./views.ts";

/** Of the least that keeps a connection from being taken for dead. Made anew each time: a stream takes its memory away. */
export function stillHere(): Piece {
  return Buffer.from(": still here\n\n");
}

export const sseHeaders = { "content-type": "text/event-stream", "x-accel-buffering": "no" };

/**
 * The log's own bytes, until the run has ended. Broken off when the server stops: the end would look like the log's.
 * It can't say that it is still there, so `keepAlive` must keep the silent connection from being cut.
 */
export function textLog(
  context: ApiContext,
  run: RunState,
  window: LogWindow,
  keepAlive: () => void,
): Response {
  const feed = feedOf(context, run, window);
  const next = async (): Promise<Piece | undefined> => {
    for (;;) {
      const fed = await feed.next();
      if (fed.type === "end") return undefined;
      if (fed.type === "stopped") throw new StreamStopped();
      const bytes = fed.type === "lines" ? encodeText(wantedLines(fed.lines, window.filter)) : empty;
      if (bytes.length > 0) return bytes;
      keepAlive();
    }
  };
  const body = byteStream({ next: logged(context.log, next), release: () => feed.release() });
  return new Response(body, {
    headers: { "content-type": "text/plain; charset=utf-8", "x-accel-buffering": "no" },
  });
}

/** Server-sent events, the last of them `end`. A stream without it isn't over: come again. */
export function sseLog(context: ApiContext, run: RunState, window: LogWindow): Response {
  const feed = feedOf(context, run, window);
  const pieces = sseBytes(feed, window, context.silenceMs);
  const next = logged(context.log, () => nextOf(pieces));
  return new Response(byteStream({ next, release: () => feed.release() }), { headers: sseHeaders });
}

async function* sseBytes(feed: LogFeed, window: LogWindow, silenceMs: number): AsyncGenerator<Piece, void> {
  yield Buffer.from(": hello\n\n");
  let lastMs = performance.now();
  for (;;) {
    const fed = await feed.next();
    if (fed.type === "stopped") return;
    const bytes = sseOf(fed, window);
    // The filter may stop line after line, and that is silence too.
    if (bytes.length > 0) yield bytes;
    else if (performance.now() - lastMs > silenceMs) yield stillHere();
    else continue;
    if (fed.type === "end") return;
    lastMs = performance.now();
  }
}

function sseOf(fed: Exclude<Fed, { type: "stopped" }>, window: LogWindow): Piece {
  if (fed.type === "lines") return encodeSse(wantedLines(fed.lines, window.filter));
  if (fed.type === "silence") return stillHere();
  return Buffer.from(`event: end\ndata: ${JSON.stringify(logEndView(fed.verdict))}\n\n`);
}

/** The log so far as one JSON document, made while it is sent: it may be larger than our memory. */
export function jsonLog(context: ApiContext, run: RunState, window: LogWindow): Response {
  const stop = new AbortController();
  const pieces = jsonBytes(context.store, run, { window, signal: stop.signal });
  const next = logged(context.log, () => nextOf(pieces));
  const body = byteStream({ next, release: () => stop.abort(new StreamStopped()) });
  return new Response(body, { headers: { "content-type": "application/json; charset=utf-8" } });
}

async function* jsonBytes(
  store: Pick<ApiStore, "readLog">,
  run: RunState,
  options: { readonly window: LogWindow; readonly signal: AbortSignal },
): AsyncGenerator<Piece, void> {
  const { window, signal } = options;
  yield Buffer.from(`${JSON.stringify(stageName(run)).slice(0, -1)},"logs":"`);
  for await (const lines of store.readLog(run.runId, { after: window.after, follow: false }, signal)) {
    const bytes = encodeJsonString(wantedLines(lines, window.filter));
    if (bytes.length > 0) yield bytes;
  }
  yield Buffer.from('"}');
}

export function feedOf(context: ApiContext, run: RunState, window: LogWindow): LogFeed {
  return new LogFeed(context.store, {
    run,
    after: window.after,
    silenceMs: context.silenceMs,
    closing: context.closing,
  });
}

/** An answer that has begun can't become an error: it is broken off, and only the operator learns why. */
function logged<T>(log: Logger, next: () => Promise<T>): () => Promise<T> {
  return async () => {
    try {
      return await next();
    } catch (error) {
      if (!(error instanceof StreamStopped)) log.error("log stream failed", { error: messageOf(error) });
      throw error;
    }
  };
}

class StreamStopped extends Error {
  override readonly name = "StreamStopped";
}

type Piece = Uint8Array<ArrayBuffer>;

const empty = new Uint8Array();
