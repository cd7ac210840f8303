import { EventSource } from "eventsource";
import { WebSocket as WsSocket } from "ws";
import type { TestApi } from "./api-fakes.ts";
import { bearer } from "./api-fakes.ts";

/** Readers of a log as its users have them: Bun's WebSocket, the `ws` and `eventsource` packages. */

export interface Frame {
  readonly type: string;
  readonly seq?: number;
  readonly time?: string;
  readonly stream?: string;
  readonly step?: number;
  readonly text?: string;
  readonly status?: string;
  readonly exitCode?: number | null;
  readonly lines?: number;
  readonly bytes?: number;
  readonly sha256?: string;
}

export interface SseEvent {
  readonly event: string;
  readonly id?: string;
  readonly data: { readonly seq?: number; readonly text?: string } & Record<string, unknown>;
}

export function eventsOf(text: string): SseEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const fields = Object.fromEntries(
        block
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      return {
        event: fields["event"] ?? "",
        ...(fields["id"] !== undefined && { id: fields["id"] }),
        data: JSON.parse(fields["data"] ?? ""),
      };
    });
}

export interface Received {
  readonly frames: readonly Frame[];
  readonly code: number;
  readonly protocol: string;
}

export function readSocket(
  api: TestApi,
  stageId: string,
  query = "",
  options: string[] | Bun.WebSocketOptions = { headers: bearer },
): Promise<Received> {
  const { promise, resolve } = Promise.withResolvers<Received>();
  const frames: Frame[] = [];
  const url = `${api.url.replace("http", "ws")}/stage/${stageId}/logs?stream=ws${query}`;
  const socket = Array.isArray(options) ? new WebSocket(url, options) : new WebSocket(url, options);
  socket.addEventListener("message", ({ data }) => frames.push(JSON.parse(String(data))));
  socket.addEventListener("close", ({ code }) => resolve({ frames, code, protocol: socket.protocol }));
  return promise;
}

export function readWithWs(
  api: TestApi,
  stageId: string,
  protocols: string[],
): Promise<Received & { readonly status: number }> {
  const { promise, resolve } = Promise.withResolvers<Received & { readonly status: number }>();
  const frames: Frame[] = [];
  const socket = new WsSocket(`${api.url.replace("http", "ws")}/stage/${stageId}/logs?stream=ws`, protocols);
  socket.on("message", (data: Buffer) => frames.push(JSON.parse(data.toString())));
  socket.on("close", (code) => resolve({ frames, code, protocol: socket.protocol, status: 101 }));
  socket.on("error", () => {});
  socket.on("unexpected-response", (_, answer) =>
    resolve({ frames, code: 0, protocol: "", status: answer.statusCode ?? 0 }),
  );
  return promise;
}

export function readEventSource(
  api: TestApi,
  stageId: string,
  query = "",
): Promise<{ ids: string[]; texts: string[]; end: Record<string, unknown> }> {
  const { promise, resolve } = Promise.withResolvers<{
    ids: string[];
    texts: string[];
    end: Record<string, unknown>;
  }>();
  const ids: string[] = [];
  const texts: string[] = [];
  const source = new EventSource(`${api.url}/stage/${stageId}/logs?stream=sse${query}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...bearer } }),
  });
  source.addEventListener("log", ({ lastEventId, data }) => {
    ids.push(lastEventId);
    texts.push(JSON.parse(data).text);
  });
  source.addEventListener("end", ({ data }) => {
    source.close();
    resolve({ ids, texts, end: JSON.parse(data) });
  });
  return promise;
}

/** Reads until something comes, so that the server is known to be at it, and leaves. */
export async function firstBytes(api: TestApi, path: string): Promise<void> {
  const stop = new AbortController();
  const answer = await fetch(api.url + path, { headers: bearer, signal: stop.signal });
  await answer.body?.getReader().read();
  stop.abort();
}
