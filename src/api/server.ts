import { admit } from "../runner/intake.ts";
import { listen } from "./listen.ts";
import type { Address, ApiServer } from "./listen.ts";
import type { ApiOptions } from "./options.ts";
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
  const context = { admit, silenceMs: 15_000, freshenServiceLog: async () => {}, ...options };
  const app = createRoutes({ ...context, closing: new AbortController().signal });
  return {
    handle: (request) => app.handle(withHost(request)),
    listen: (address) => listen(address, (closing) => createRoutes({ ...context, closing })),
  };
}

/** What came over no network has no Host header yet. */
function withHost(request: Request): Request {
  if (!request.headers.has("host")) request.headers.set("host", new URL(request.url).host);
  return request;
}
