import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../../../src/shared/clock.ts";
import { Cache, type Restoration } from "../../../../src/store/cache/cache.ts";
import { type CacheIdentity, entryNameOf } from "../../../../src/store/cache/entry.ts";
import type { Saved } from "../../../../src/store/cache/save.ts";
import { cacheEntryFile } from "../../../../src/store/layout.ts";

export const never = new AbortController().signal;
const forRoot = { isRoot: true, uid: undefined };

export function identity(more: Partial<CacheIdentity> = {}): CacheIdentity {
  return { orgId: "o", repoId: "r", scope: "main", key: "k", paths: ["deps"], ...more };
}

/** A cache in a folder of its own, and workspaces for it. */
export class CacheBench {
  readonly folder = mkdtempSync(join(tmpdir(), "gitfoss-cache-"));
  readonly state = join(this.folder, "state");
  now = Date.now();
  readonly cache = this.another();
  #workspaces = 0;

  /** As another process would have it. */
  another(): Cache {
    const clock = { now: () => this.now, elapsed: () => systemClock.elapsed() };
    return new Cache({ folder: this.state, durable: false, clock });
  }

  workspace(files: Readonly<Record<string, string>> = {}): string {
    const workspace = join(this.folder, `workspace-${String(this.#workspaces++)}`);
    mkdirSync(workspace);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true });
      writeFileSync(join(workspace, path), text);
    }
    return workspace;
  }

  save(workspace: string, more: Partial<CacheIdentity> = {}, mostBytes = 2 ** 30): Promise<Saved> {
    return this.saveAs({ pipelineId: "p1", stageId: "build" }, workspace, more, mostBytes);
  }

  saveAs(
    saver: { readonly pipelineId: string; readonly stageId: string },
    workspace: string,
    more: Partial<CacheIdentity> = {},
    mostBytes = 2 ** 30,
  ): Promise<Saved> {
    this.now += 1000;
    const request = { identity: identity(more), saver: { ...saver, runId: "run" }, workspace, mostBytes };
    return this.cache.save(request, never);
  }

  restore(workspace: string, more: Partial<CacheIdentity> = {}, user = forRoot): Promise<Restoration> {
    this.now += 1000;
    const destination = { workspace, scratch: `${workspace}.scratch`, user };
    return this.cache.restore([identity(more)], destination, never);
  }

  /** Whether there is one. */
  has(more: Partial<CacheIdentity> = {}): boolean {
    return existsSync(this.fileOf(more));
  }

  fileOf(more: Partial<CacheIdentity> = {}): string {
    return cacheEntryFile(this.state, entryNameOf(identity(more)));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** All that lies in a folder, relative to it. Links are names, and not looked behind. */
export function listing(folder: string, inside = ""): readonly string[] {
  const entries = readdirSync(join(folder, inside), { withFileTypes: true });
  return entries
    .flatMap((entry) => {
      const path = inside === "" ? entry.name : `${inside}/${entry.name}`;
      return entry.isDirectory() ? [path, ...listing(folder, path)] : [path];
    })
    .toSorted();
}
