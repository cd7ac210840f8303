import { admit } from "../runner/intake.ts";
import { listen } from "./listen.ts";
import type { Address, ApiServer } from "./listen.ts";
import type { ApiContext, ApiOptions, Connections } from "./options.ts";
import { createRoutes } from "./routes.ts";

export type { Address, ApiServer } from "./listen.ts";
export type { ApiOptions } from "./options.ts";

export interface Api {
  /** For callers in this process. No WebSockets. */
  handle(request: Request): Promise<Response>;
  /** Serves until `stop`. Rejects when the address is taken. */
  listen(address: Address): Promise<ApiServer>;
}

export function createApi(options: ApiOptions): Api {
  const handle = createHandler(
    options,
    { keepAlive() {}, upgrade: () => false },
    new AbortController().signal,
  );
  return {
    handle: (request) => handle(withHost(request)),
    listen: (address) =>
      listen(address, (connections, closing) => createHandler(options, connections, closing)),
  };
}

function createHandler(
  options: ApiOptions,
  connections: Connections,
  closing: AbortSignal,
): (request: Request) => Promise<Response> {
  const context: ApiContext = { admit, silenceMs: 15_000, ...options, connections, closing };
  const app = createRoutes(context);
  return async (request) => {
    const response = await app.fetch(request.method === "HEAD" ? asGet(request) : request);
    return finished(response);
  };
}

/** What came over no network has no Host header yet. */
function withHost(request: Request): Request {
  if (!request.headers.has("host")) request.headers.set("host", new URL(request.url).host);
  return request;
}

/** The framework would read a whole body to learn its length, a stream's too. */
function asGet(request: Request): Request {
  return new Request(request.url, { method: "GET", headers: request.headers, signal: request.signal });
}

function finished(response: Response): Response {
  response.headers.set("x-content-type-options", "nosniff");
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  return response;
}
