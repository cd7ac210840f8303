import { isWebSocketUpgrade } from "./auth.ts";

/** Around everything that the framework does with a request, its own answers too. */
export function border(fetch: (request: Request) => unknown): (request: Request) => Promise<unknown> {
  return async (request) => finished(await fetch(understood(request)));
}

/** Of HEAD, the framework would read a whole body to learn its length, a stream's too; of Upgrade, it knows small letters only. */
function understood(request: Request): Request {
  if (request.method === "HEAD") {
    return new Request(request.url, { method: "GET", headers: request.headers, signal: request.signal });
  }
  if (isWebSocketUpgrade(request)) request.headers.set("upgrade", "websocket");
  return request;
}

function finished(response: unknown): unknown {
  if (!(response instanceof Response)) return response;
  response.headers.set("x-content-type-options", "nosniff");
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  return response;
}
