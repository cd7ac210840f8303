/** A server that takes connections and never says a word. */
export interface StalledServer {
  /** "127.0.0.1:PORT" */
  readonly address: string;
  /** Connections that are open now. */
  waiting(): number;
  /** Resolves as soon as somebody waits. */
  asked(): Promise<void>;
  stop(): void;
}

export function startStalledServer(): StalledServer {
  let open = 0;
  const wake: (() => void)[] = [];
  const count = (change: number): void => {
    open += change;
    for (const each of wake.splice(0)) each();
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => wake.push(resolve));
  };
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: () => count(1), close: () => count(-1), data() {} },
  });
  return {
    address: `127.0.0.1:${String(server.port)}`,
    waiting: () => open,
    asked: () => until(() => open > 0),
    stop: () => server.stop(true),
  };
}
