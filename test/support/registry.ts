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
  /** How often somebody began to pull it, named as for `publish`. */
  pulls(repository: string): number;
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
  const log = new RegistryLog(server.stderr);
  const address = await log.address();
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
    pulls(repository) {
      const place = `/v2/${repository.replace(":", "/manifests/")} `;
      return log.lines().filter((line) => line.includes("method=HEAD") && line.includes(place)).length;
    },
    async stop() {
      server.kill();
      await server.exited;
      for (const name of published) await docker("rmi", "--force", name).catch(() => undefined); // pulled by nobody
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Read all the time, so that the registry never waits for us. */
class RegistryLog {
  readonly #found = Promise.withResolvers<string>();
  #text = "";

  constructor(log: ReadableStream<Uint8Array>) {
    void this.#read(log);
  }

  /** The port that it got is told nowhere else. */
  address(): Promise<string> {
    return this.#found.promise;
  }

  lines(): readonly string[] {
    return this.#text.split("\n");
  }

  async #read(log: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of log) {
      this.#text += decoder.decode(chunk, { stream: true });
      const found = /listening on (127\.0\.0\.1:\d+)/.exec(this.#text)?.[1];
      if (found !== undefined) this.#found.resolve(found);
    }
    this.#found.reject(new Error(`docker-registry has ended: ${this.#text}`));
  }
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
