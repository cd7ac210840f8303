import { createHash } from "node:crypto";
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { Slices } from "./slices.ts";
import type { TarEntry } from "./tar-header.ts";
import { CacheWalk, type Found } from "./walk.ts";

export function factsOf({ path, kind }: Found, stat: Stats, target: string): TarEntry {
  return {
    path,
    kind,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtimeMicros: Math.max(0, Math.round(stat.mtimeMs * 1000)),
    size: kind === "file" ? stat.size : 0,
    target,
  };
}

const factsTogether = 64 * 1024;

/** The digest of all that can be told of a cache's files without reading them. A folder's time isn't part of it: it changes with every passing file. */
export class Fingerprint {
  readonly #hash = createHash("sha256");
  #facts = "";
  count = 0;

  add({ path, kind, mode, uid, gid, mtimeMicros, size, target }: TarEntry): void {
    const time = kind === "folder" ? 0 : mtimeMicros;
    this.#facts += `${path}\0${kind} ${mode} ${uid} ${gid} ${time} ${size}\0${target}\0`;
    this.count += 1;
    if (this.#facts.length > factsTogether) this.#take();
  }

  #take(): void {
    this.#hash.update(this.#facts);
    this.#facts = "";
  }

  digest(): string {
    this.#take();
    return this.#hash.digest("hex");
  }
}

/** Of what the paths name now, without reading any of it. */
export async function fingerprintOf(
  workspace: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const fingerprint = new Fingerprint();
  const slices = new Slices();
  for (const found of new CacheWalk(workspace, paths).found()) {
    if (slices.isOver) await slices.pause(signal);
    const place = `${workspace}/${found.path}`;
    const stat = lstatSync(place);
    fingerprint.add(factsOf(found, stat, found.kind === "link" ? readlinkSync(place) : ""));
  }
  return fingerprint.digest();
}
