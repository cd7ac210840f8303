import type { Elysia } from "elysia";
import type { RunState } from "../events/run-state.ts";
import { RunnerError } from "../shared/errors.ts";
import { chosenProtocol, isWebSocketUpgrade } from "./auth.ts";
import { findRunOfStage } from "./find-run.ts";
import { idleSeconds } from "./listen.ts";
import { LogSocket } from "./log-socket.ts";
import { logWindow, resumed } from "./log-window.ts";
import type { LogWindow, WindowQuery } from "./log-window.ts";
import type { ApiContext } from "./options.ts";
import { HttpError } from "./problem.ts";
import { logQuery, stageParams } from "./schema.ts";
import { jsonLog, sseLog, textLog } from "./streams.ts";

const path = "/stage/:stageId/logs";

/** What is asked for is found, or refused, before a request becomes a WebSocket: a refusal then is an ordinary answer. */
export function addLogs(app: Elysia, context: ApiContext): void {
  app.guard({ params: stageParams, query: logQuery }, (logs) =>
    logs
      .resolve(({ params, query, request }) => wantedLog(context, request, { ...query, ...params }))
      .get(path, ({ query, request, server, run, window }) => {
        if (query.stream === undefined) return jsonLog(context, run, window);
        if (query.stream === "sse") return sseLog(context, run, window);
        return textLog(context, run, window, () => server?.timeout(request, idleSeconds));
      })
      .resolve(({ run, window }) => ({ socket: new LogSocket(context, run, window) }))
      .onAfterHandle(({ responseValue, set }) => {
        // What became a WebSocket has no answer: this one says that the handshake was no good.
        if (responseValue === undefined) return;
        delete set.headers["sec-websocket-protocol"];
        throw upgradeRequired;
      })
      .ws(path, {
        upgrade({ request, set }) {
          const protocol = chosenProtocol(request);
          if (protocol !== undefined) set.headers["sec-websocket-protocol"] = protocol;
        },
        open: (ws) => ws.data.socket.open(ws),
        drain: (ws) => ws.data.socket.drain(),
        close: (ws) => ws.data.socket.close(),
      }),
  );
}

interface LogQuery extends WindowQuery {
  readonly stageId: string;
  readonly pipelineId?: string;
  readonly runId?: string;
  readonly stream?: "http" | "ws" | "sse";
}

async function wantedLog(
  context: ApiContext,
  request: Request,
  query: LogQuery,
): Promise<{ readonly run: RunState; readonly window: LogWindow }> {
  const { stageId, stream } = query;
  const isUpgrade = isWebSocketUpgrade(request);
  if (stream === "ws" && !isUpgrade) throw upgradeRequired;
  if (stream !== "ws" && isUpgrade) throw notForSockets();
  const run = await findRunOfStage(context.store, stageId, query);
  const wanted = stream === "sse" ? resumed(query, request.headers.get("last-event-id")) : query;
  return { run, window: await logWindow(context.store, run.runId, wanted, request.signal) };
}

function notForSockets(): RunnerError {
  const message = 'must be "ws" for a WebSocket';
  return new RunnerError("invalid_request", `query.stream: ${message}`, {
    errors: [{ path: "query.stream", message }],
  });
}

const upgradeRequired = new HttpError({
  status: 426,
  title: "Upgrade required",
  detail: "stream=ws needs a WebSocket: connect with ws:// or wss://, or ask for stream=sse or stream=http",
  headers: { upgrade: "websocket", connection: "Upgrade" },
});
