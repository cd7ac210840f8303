import type { Elysia } from "elysia";
import { RunnerError, messageOf, systemCodeOf } from "../shared/errors.ts";

export type Address = { readonly hostname: string; readonly port: number } | { readonly socket: string };

export interface ApiServer {
  /** "http://127.0.0.1:4483", or "unix:" and a path. */
  readonly url: string;
  /** Ends the streams in a way that tells their readers to come again, then closes every connection. */
  stop(): Promise<void>;
}

type Unix = Bun.Serve.UnixServeOptions<unknown>;

/** How long streams may take to say goodbye. */
const goodbyeMs = 500;

/** After so much silence a connection is cut. */
export const idleSeconds = 60;

export async function listen(
  address: Address,
  createRoutes: (closing: AbortSignal) => Elysia,
): Promise<ApiServer> {
  const closing = new AbortController();
  if ("socket" in address) await removeStaleSocket(address.socket);
  const app = serve(address, createRoutes(closing.signal));
  return {
    url: urlOf(address, app.server?.port),
    async stop() {
      closing.abort();
      await Promise.race([app.server?.stop(), Bun.sleep(goodbyeMs)]);
      await app.server?.stop(true);
    },
  };
}

function serve(address: Address, app: Elysia): Elysia {
  const options = {
    development: false,
    // Bun 1.4.5 can't lengthen a request's time on a unix socket, so silent streams would be cut; only our own user connects there.
    idleTimeout: "socket" in address ? 0 : idleSeconds,
    // Bodies are counted where they are read, so that the refusal can say why.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    error: () => new Response(null, { status: 500 }),
  };
  try {
    if (!("socket" in address)) return app.listen({ ...options, ...address, reusePort: false });
    // Said in two steps, since the types know of no idleTimeout for a socket; Bun does.
    const unixOptions: Partial<Unix> = { ...options, unix: address.socket };
    return closedToOthers(() => app.listen(unixOptions));
  } catch (error) {
    throw addressError(address, error);
  }
}

/** A socket may be used by whoever may write to it, from the moment it is there. */
function closedToOthers<T>(make: () => T): T {
  const before = process.umask(0o177);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}

/** A daemon that was killed leaves its socket behind. One that still answers is left alone. */
async function removeStaleSocket(path: string): Promise<void> {
  const file = Bun.file(path);
  const stat = await file.stat().catch(() => undefined);
  if (stat === undefined || !stat.isSocket()) return;
  const connection = await Bun.connect({ unix: path, socket: { data() {} } }).catch(() => undefined);
  if (connection === undefined) return file.delete();
  connection.end();
  throw new RunnerError("conflict", `another process listens on ${path}: stop it, or choose another socket`);
}

function addressError(address: Address, error: unknown): unknown {
  const where = "socket" in address ? address.socket : `${address.hostname}:${address.port}`;
  if (systemCodeOf(error) === "EADDRINUSE") {
    return new RunnerError(
      "conflict",
      `${where} is in use: stop what listens there, or choose another address`,
      { cause: error },
    );
  }
  return new RunnerError("config_invalid", `can't listen on ${where}: ${messageOf(error)}`, { cause: error });
}

function urlOf(address: Address, port: number | undefined): string {
  if ("socket" in address) return `unix:${address.socket}`;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `http://${host}:${port}`;
}
