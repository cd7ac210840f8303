import { isObject } from "../e2e/support/daemon.ts";

/** The YAML language server that editors use, spoken to over its stdin and stdout as an editor does (LSP 3.17). */
export interface LanguageServer {
  request(method: string, params: object): Promise<unknown>;
  notify(method: string, params: object): void;
  /** The next notification of that name; one that came before is taken first. */
  next(method: string): Promise<unknown>;
  stop(): Promise<void>;
}

export function startLanguageServer(): LanguageServer {
  const server = Bun.spawn(
    [process.execPath, "node_modules/yaml-language-server/bin/yaml-language-server", "--stdio"],
    { stdin: "pipe", stdout: "pipe", stderr: "ignore" },
  );
  const inbox = new Inbox();
  let lastId = 0;
  const send = (message: object): void => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    void server.stdin.write(`Content-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`);
    void server.stdin.flush();
  };
  const reading = readMessages(server.stdout, (message) => {
    const { id, method } = message;
    if (typeof method !== "string") inbox.put(`answer ${String(id)}`, message["result"]);
    else if (id === undefined) inbox.put(method, message["params"]);
    else send({ id, result: null }); // it asks for settings: we have none
  });
  return {
    request(method, params) {
      const id = ++lastId;
      send({ id, method, params });
      return inbox.take(`answer ${String(id)}`);
    },
    notify: (method, params) => send({ method, params }),
    next: (method) => inbox.take(method),
    async stop() {
      server.kill();
      await server.exited;
      await reading;
    },
  };
}

/** Messages by name, each taken once, in the order they came. */
class Inbox {
  readonly #kept = new Map<string, unknown[]>();
  readonly #waiting = new Map<string, ((message: unknown) => void)[]>();

  put(name: string, message: unknown): void {
    const taker = this.#waiting.get(name)?.shift();
    if (taker !== undefined) taker(message);
    else this.#kept.set(name, [...(this.#kept.get(name) ?? []), message]);
  }

  take(name: string): Promise<unknown> {
    const kept = this.#kept.get(name);
    if (kept !== undefined && kept.length > 0) return Promise.resolve(kept.shift());
    return new Promise((resolve) => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]);
    });
  }
}

async function readMessages(
  stream: ReadableStream<Uint8Array>,
  take: (message: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk]);
    for (let found = frameOf(bytes); found !== undefined; found = frameOf(bytes)) {
      const message: unknown = JSON.parse(bytes.subarray(found.start, found.end).toString());
      bytes = bytes.subarray(found.end);
      if (isObject(message)) take(message);
    }
  }
}

function frameOf(bytes: Buffer): { readonly start: number; readonly end: number } | undefined {
  const head = bytes.indexOf("\r\n\r\n");
  if (head === -1) return undefined;
  const [, length = "0"] = /Content-Length: (\d+)/i.exec(bytes.subarray(0, head).toString()) ?? [];
  const start = head + 4;
  return bytes.length < start + Number(length) ? undefined : { start, end: start + Number(length) };
}
