import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, dockerWithInput } from "./engine.ts";

/** An image registry of our own on loopback, for tests that pull. */
export interface Registry {
  /** "127.0.0.1:PORT": the first part of the names of its images. */
  readonly address: string;
  /**
   * Publishes an image of its own kind (the base image plus `fillerBytes` that nothing can compress), say "hello:1".
   * Resolves to its full name. The engine doesn't have it: the next one who wants it must pull.
   */
  publish(repository: string, fillerBytes?: number): Promise<string>;
  /** Ends the registry and removes its images from the engine. */
  stop(): Promise<void>;
}

export async function startRegistry(base: string): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), "gitfoss-registry-"));
  const config = join(folder, "config.yml");
  await Bun.write(
    config,
    `version: 0.1\nlog: { level: info }\nstorage: { filesystem: { rootdirectory: ${join(folder, "data")} } }\n` +
      "http: { addr: '127.0.0.1:0' }\n",
  );
  const program = Bun.which("docker-registry") ?? join(import.meta.dir, "../../.tools/bin/docker-registry");
  const server = Bun.spawn([program, "serve", config], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const address = await addressIn(server.stderr);
  const published: string[] = [];
  return {
    address,
    async publish(repository, fillerBytes = 1000) {
      const name = `${address}/${repository}`;
      await makeImage(name, base, fillerBytes);
      published.push(name);
      await docker("push", "--quiet", name);
      await docker("rmi", name);
      return name;
    },
    async stop() {
      server.kill();
      await server.exited;
      for (const name of published) await docker("rmi", "--force", name).catch(() => undefined); // pulled by nobody
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Reads the registry's log for the port that it got, then lets it flow so that the registry never waits for us. */
async function addressIn(log: ReadableStream<Uint8Array>): Promise<string> {
  const reader = log.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`docker-registry didn't start: ${text}`);
    text += decoder.decode(value, { stream: true });
    const found = /listening on (127\.0\.0\.1:\d+)/.exec(text)?.[1];
    if (found === undefined) continue;
    void drain(reader);
    return found;
  }
}

async function drain(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}

/** A single layer that no other image has: a second one would come from the engine's memory, not over the wire. */
async function makeImage(name: string, base: string, fillerBytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gitfoss-published-"));
  try {
    const container = await docker("create", base, "true");
    await docker("export", "--output", join(folder, "rootfs.tar"), container);
    await docker("rm", container);
    await Bun.write(join(folder, "filler"), filler(fillerBytes));
    const append = Bun.spawn(["tar", "-C", folder, "-rf", join(folder, "rootfs.tar"), "filler"]);
    if ((await append.exited) !== 0) throw new Error(`tar failed for ${name}`);
    const rootfs = Bun.file(join(folder, "rootfs.tar")).stream();
    await dockerWithInput(rootfs, "import", "--change", "ENV PATH=/usr/bin:/bin", "-", name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function filler(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}
