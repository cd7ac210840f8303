import { createServer, type Server, type Socket } from "node:net";
import { forgeCertificate, forgeKey } from "./forge-certificate.ts";

/** What a runner sent to register. */
export interface Registration {
  readonly nonce: string;
  readonly name: string;
  readonly version: string;
  readonly os: string;
  readonly arch: string;
  readonly tokenSha256: string;
}

export interface ForgeOptions {
  /** Good for one registration each. */
  readonly nonces?: readonly string[];
  /** Where the forge lies on its host: "" or "/ci". */
  readonly path?: string;
  /** Speaks https, with a certificate that nobody trusts. */
  readonly tls?: boolean;
  /** Sent along with the id. */
  readonly gives?: { readonly id?: string; readonly token?: string; readonly url?: string };
  /** Answers in the forge's place. */
  readonly answer?: (request: Request) => Response | Promise<Response>;
}

export interface Forge {
  /** The base address, as for `--url`. */
  readonly url: string;
  /** Accepted ones, in order. */
  readonly registrations: readonly Registration[];
  /** "METHOD path" of every request, in order. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

/** A small forge on loopback that speaks docs/forge-protocol.md, as far as registration goes. */
export function startForge(options: ForgeOptions = {}): Forge {
  const { path = "", tls = false } = options;
  const open = new Set(options.nonces ?? ["NONCE-1"]);
  const registrations: Registration[] = [];
  const requests: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    ...(tls ? { tls: { cert: forgeCertificate, key: forgeKey } } : {}),
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      requests.push(`${request.method} ${pathname}`);
      if (options.answer !== undefined) return options.answer(request);
      if (request.method !== "POST" || pathname !== `${path}/runners`)
        return problem(404, "there is no such path");
      const asked = readRegistration(await request.text());
      if (asked === undefined)
        return problem(422, "the body must have nonce, name, version, os, arch and tokenSha256");
      if (!open.delete(asked.nonce)) return problem(403, "the nonce is unknown or was used before");
      registrations.push(asked);
      return Response.json({ id: `runner-${registrations.length}`, ...options.gives }, { status: 201 });
    },
  });
  return {
    url: `${tls ? "https" : "http"}://${tls ? "localhost" : "127.0.0.1"}:${server.port}${path}`,
    registrations,
    requests,
    stop: () => server.stop(true),
  };
}

export interface RawServer {
  readonly url: string;
  stop(): void;
}

/** A server of bare TCP, for peers that don't even speak HTTP properly. `accept` gets each connection. */
export async function startRawServer(accept: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    accept(socket);
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

function problem(status: number, detail: string): Response {
  const headers = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify({ title: "Registration refused", status, detail }), { status, headers });
}

function readRegistration(body: string): Registration | undefined {
  const value: unknown = parse(body);
  return isRegistration(value) && /^[0-9a-f]{64}$/.test(value.tokenSha256) ? value : undefined;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isRegistration(value: unknown): value is Registration {
  if (typeof value !== "object" || value === null) return false;
  const entries = new Map<string, unknown>(Object.entries(value));
  return ["nonce", "name", "version", "os", "arch", "tokenSha256"].every(
    (key) => typeof entries.get(key) === "string",
  );
}
