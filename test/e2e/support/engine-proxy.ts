import { connect } from "node:net";
import { createServer } from "node:tls";
import type { Certificates } from "./certificates.ts";

/** The engine's unix socket behind TLS, for those whose certificate the authority has signed. */
export interface EngineProxy {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** How many it has let in. */
  connections(): number;
  /** How much it was told. */
  bytes(): number;
  stop(): void;
}

export function engineSocket(): string {
  const host = process.env["DOCKER_HOST"] ?? "";
  return host.startsWith("unix://") ? host.slice("unix://".length) : "/var/run/docker.sock";
}

export async function startEngineProxy({ server: tls }: Certificates): Promise<EngineProxy> {
  let connections = 0;
  let bytes = 0;
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (client) => {
    connections += 1;
    const engine = connect(engineSocket());
    client.on("data", (chunk: Buffer) => (bytes += chunk.length));
    client.pipe(engine).pipe(client);
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    host: `tcp://127.0.0.1:${String(port)}`,
    connections: () => connections,
    bytes: () => bytes,
    stop: () => void server.close(),
  };
}
