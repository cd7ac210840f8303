import type { RecordedEvent } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import { unreachable } from "../shared/errors.ts";
import { byteStream, nextOf } from "./byte-stream.ts";
import { findRun } from "./find-run.ts";
import { resumed } from "./log-window.ts";
import type { ApiContext, ApiStore } from "./options.ts";
import { sseHeaders, stillHere } from "./streams.ts";
import { Waker } from "./waker.ts";

/**
 * What happens to a run, as server-sent events: `event: status`, its id the event's seq, and `event: end` when the
 * run is final. Without that it isn't over: come again with Last-Event-ID.
 */
export async function eventStream(
  context: ApiContext,
  request: Request,
  query: { readonly runId: string; readonly after?: string },
): Promise<Response> {
  const run = await findRun(context.store, query.runId);
  const { after } = resumed(query, request.headers.get("last-event-id"));
  const waker = new Waker();
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
    waker.wake();
  };
  const unsubscribe = context.store.onChange((state) => {
    if (state.runId === run.runId) waker.wake();
  });
  context.closing.addEventListener("abort", end);
  const pieces = eventBytes(context.store, run, {
    after: Number(after ?? 0),
    waker,
    silenceMs: context.silenceMs,
    signal: stop.signal,
  });
  const body = byteStream({
    next: () => nextOf(pieces),
    release() {
      unsubscribe();
      context.closing.removeEventListener("abort", end);
      end();
    },
  });
  return new Response(body, { headers: sseHeaders });
}

async function* eventBytes(
  store: Pick<ApiStore, "events">,
  run: RunState,
  options: {
    readonly after: number;
    readonly waker: Waker;
    readonly silenceMs: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let seq = options.after;
  yield Buffer.from(": hello\n\n");
  while (!options.signal.aborted) {
    const events = await store.events(run.runId);
    for (const event of events.filter((candidate) => candidate.seq > seq)) {
      seq = event.seq;
      yield sseEvent("status", { ...nameOf(run), ...statusOf(event) }, seq);
    }
    const last = events.at(-1);
    if (last?.type === "finished") {
      yield sseEvent("end", { ...nameOf(run), ...statusOf(last) });
      return;
    }
    if (!(await options.waker.sleep(options.silenceMs))) yield stillHere();
  }
}

function nameOf(run: RunState): object {
  return { pipelineId: run.request.pipelineId, runId: run.runId, stageId: run.request.stageId };
}

/** Of an event only what concerns a caller: no paths of this machine, no variables. */
function statusOf(event: RecordedEvent): object {
  const { seq, time, type } = event;
  switch (event.type) {
    case "accepted":
      return { status: "PENDING", seq, time, type };
    case "started":
      return { status: "RUNNING", seq, time, type, attempt: event.attempt, deadline: event.deadline };
    case "container":
      return { status: "RUNNING", seq, time, type, attempt: event.attempt, image: event.image };
    case "try_failed": {
      const { attempt, exitCode, cause, reason } = event;
      return { status: "RUNNING", seq, time, type, attempt, exitCode, cause, reason };
    }
    case "cancel_requested":
      return { seq, time, type, by: event.by };
    case "finished":
      return {
        status: event.status,
        seq,
        time,
        type,
        exitCode: event.exitCode,
        cause: event.cause,
        reason: event.reason,
        ...(event.standsFor === undefined ? {} : { standsFor: event.standsFor }),
      };
    default:
      return unreachable(event);
  }
}

function sseEvent(name: string, data: object, id?: number): Uint8Array<ArrayBuffer> {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return Buffer.from(`event: ${name}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
}
