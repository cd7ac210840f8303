import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { systemCodeOf } from "../../shared/errors.ts";
import { compileGlob } from "../../shared/path-glob.ts";

/** Something that a cache's paths name. What a folder holds comes after it. */
export interface Found {
  /** Relative to the workspace. */
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
}

interface CacheGlob {
  readonly source: string;
  readonly base: string;
  takes(path: string, isFolder: boolean): boolean;
}

/** So that a stage can't fill the log with what it may not keep. */
const mostRefused = 5;
const longestPath = 4000;

/**
 * Finds what a cache's paths name, always in the same order. Never through a link, which is found as itself. A folder that is
 * named comes with all that is in it; the repository's own `.git` never does.
 */
export class CacheWalk {
  readonly #workspace: string;
  readonly #globs: readonly CacheGlob[];
  readonly #refused: string[] = [];
  #unlisted = 0;

  constructor(workspace: string, paths: readonly string[]) {
    this.#workspace = workspace;
    this.#globs = paths.map(cacheGlob).filter((glob) => glob !== undefined);
  }

  /** "path: why", of what was left out. */
  get refused(): readonly string[] {
    const more = this.#unlisted > 0 ? [`and ${String(this.#unlisted)} more`] : [];
    return [...this.#refused, ...more];
  }

  refuse(path: string, why: string): void {
    if (this.#refused.length < mostRefused) this.#refused.push(`${shown(path)}: ${why}`);
    else this.#unlisted += 1;
  }

  *found(): Generator<Found, void, void> {
    const bases = [...new Set(this.#globs.map(({ base }) => base))].toSorted();
    for (const base of bases) {
      if (bases.some((other) => isBelow(base, other))) continue;
      yield* this.#from(base);
    }
  }

  *#from(base: string): Generator<Found, void, void> {
    const kind = base === "" ? "folder" : this.#enter(base);
    if (kind === undefined) return;
    const taken = base !== "" && this.#takes(base, kind === "folder");
    if (taken) yield { path: base, kind };
    if (kind !== "folder") return;
    const open = [{ folder: base, taken }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const found of this.#in(next.folder, next.taken)) {
        if (found.taken) yield found;
        if (found.kind === "folder") open.push({ folder: found.path, taken: found.taken });
      }
    }
  }

  *#in(folder: string, taken: boolean): Generator<Found & { readonly taken: boolean }, void, void> {
    for (const entry of this.#entries(folder)) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (path === ".git") continue;
      const takes = taken || this.#takes(path, entry.isDirectory());
      const kind = kindOf(entry);
      const why = faultOf(path, kind);
      if (why === undefined && kind !== undefined) yield { path, kind, taken: takes };
      else if (takes) this.refuse(path, why ?? "");
    }
  }

  /** Goes down to where a glob begins, a part at a time, since each may be a link. */
  #enter(base: string): Found["kind"] | undefined {
    const parts = base.split("/");
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const path = parts.slice(0, depth).join("/");
      const stat = lstatSync(`${this.#workspace}/${path}`, { throwIfNoEntry: false });
      if (stat === undefined || path === ".git") return undefined;
      const kind = kindOf(stat);
      if (depth === parts.length && kind !== undefined) return kind;
      if (kind !== "folder") {
        this.refuse(path, kind === "link" ? "a symbolic link" : "not a folder");
        return undefined;
      }
    }
    return undefined;
  }

  #entries(folder: string): readonly Dirent[] {
    try {
      const entries = readdirSync(`${this.#workspace}/${folder}`, { withFileTypes: true });
      return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
    } catch (error) {
      this.refuse(folder, `can't be read (${systemCodeOf(error) ?? "unknown error"})`);
      return [];
    }
  }

  #takes(path: string, isFolder: boolean): boolean {
    return this.#globs.some((glob) => glob.takes(path, isFolder));
  }
}

function cacheGlob(source: string): CacheGlob | undefined {
  const glob = compileGlob(source.replace(/\/+$/, ""));
  if (glob === undefined) return undefined;
  const foldersOnly = source.endsWith("/");
  const takes = (path: string, isFolder: boolean): boolean =>
    (isFolder || !foldersOnly) && glob.matches(path);
  return { source, base: glob.base, takes };
}

function kindOf(entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink">): Found["kind"] | undefined {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : undefined;
}

function faultOf(path: string, kind: Found["kind"] | undefined): string | undefined {
  if (kind === undefined) return "neither a file nor a folder nor a link";
  if (path.includes("\uFFFD")) return "its name isn't UTF-8";
  return path.length > longestPath ? "its path is too long" : undefined;
}

function isBelow(path: string, folder: string): boolean {
  return path !== folder && (folder === "" || path.startsWith(`${folder}/`));
}

/** For people: quoted where it could deceive them. */
function shown(path: string): string {
  const short = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return /[\p{Cc}\u2028\u2029]/u.test(short) ? JSON.stringify(short) : short;
}
