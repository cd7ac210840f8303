import type { Elysia } from "elysia";
import { chosenProtocol, isWebSocketUpgrade } from "./auth.ts";
import { findRunOfStage } from "./find-run.ts";
import { LogSocket } from "./log-socket.ts";
import { logWindow, resumed } from "./log-window.ts";
import type { WindowQuery } from "./log-window.ts";
import type { ApiContext } from "./options.ts";
import { HttpError } from "./problem.ts";
import { logQuery, stageParams, stageQuery } from "./schema.ts";
import { feedOf, jsonLog, sseLog, textLog } from "./streams.ts";
import { stageView } from "./views.ts";

interface LogQuery extends WindowQuery {
  readonly pipelineId?: string;
  readonly runId?: string;
  readonly stream?: "http" | "ws" | "sse";
}

export function addStages(app: Elysia, context: ApiContext): void {
  app.get(
    "/stage/:stageId",
    async ({ params, query }) => stageView(await findRunOfStage(context.store, params.stageId, query)),
    { params: stageParams, query: stageQuery },
  );
  app.get(
    "/stage/:stageId/logs",
    ({ params, query, request }) => logs(context, request, { ...query, ...params }),
    {
      params: stageParams,
      query: logQuery,
    },
  );
}

async function logs(
  context: ApiContext,
  request: Request,
  query: LogQuery & { readonly stageId: string },
): Promise<Response | undefined> {
  const { stream } = query;
  if (stream === "ws" && !isWebSocketUpgrade(request)) throw upgradeRequired;
  const run = await findRunOfStage(context.store, query.stageId, query);
  const wanted = stream === "sse" ? resumed(query, request.headers.get("last-event-id")) : query;
  const window = await logWindow(context.store, run.runId, wanted, request.signal);
  if (stream === undefined) return jsonLog(context, run, window);
  if (stream === "http") return textLog(context, request, run, window);
  if (stream === "sse") return sseLog(context, run, window);
  return upgrade(context, request, new LogSocket(feedOf(context, run, window), window, context.log));
}

function upgrade(context: ApiContext, request: Request, socket: LogSocket): undefined {
  const protocol = chosenProtocol(request);
  const headers = protocol === undefined ? {} : { "sec-websocket-protocol": protocol };
  if (context.connections.upgrade(request, socket, headers)) return undefined;
  socket.close();
  throw upgradeRequired;
}

const upgradeRequired = new HttpError({
  status: 426,
  title: "Upgrade required",
  detail: "stream=ws needs a WebSocket: connect with ws:// or wss://, or ask for stream=sse or stream=http",
  headers: { upgrade: "websocket", connection: "Upgrade" },
});
