import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ArtifactsPlan } from "../plan/plan.ts";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { compileGlob, type PathGlob } from "../shared/path-glob.ts";
import { hasControlCharacters } from "./artifact.ts";
import { readLinkAt } from "./artifact-link.ts";

/** Codes for a path that names nothing, or couldn't. */
const notThere = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE"]);
const mostFiles = 10_000;
/** So that a stage can't fill the memory with what it may not keep. */
const mostRefused = 100;

export interface Walk {
  /** Paths of regular files, relative to the workspace, sorted. */
  readonly files: readonly string[];
  /** Paths and targets of links that lead to a place in the workspace, sorted. */
  readonly links: ReadonlyMap<string, string>;
  /** Globs that named nothing. */
  readonly missing: readonly string[];
  /** "path: why". */
  readonly refused: readonly string[];
}

/** Finds what the globs name. Walks only folders that they can reach, and never through a link. Throws `artifacts_invalid` beyond 10,000 files. */
export async function walkArtifacts(
  workspace: string,
  plan: ArtifactsPlan,
  signal: AbortSignal,
): Promise<Walk> {
  const walker = new Walker(workspace, plan);
  await walker.walk(signal);
  return walker.result();
}

class Walker {
  readonly #workspace: string;
  readonly #globs: readonly PathGlob[];
  readonly #excluded: readonly PathGlob[];
  readonly #sources: readonly string[];
  readonly #files = new Set<string>();
  readonly #links = new Map<string, string>();
  readonly #named = new Set<string>();
  readonly #refused = new Map<string, string>();
  #unlisted = 0;

  constructor(workspace: string, plan: ArtifactsPlan) {
    this.#workspace = workspace;
    this.#sources = plan.paths;
    this.#globs = plan.paths.map(compileGlob).filter((glob) => glob !== undefined);
    this.#excluded = plan.exclude.map(compileGlob).filter((glob) => glob !== undefined);
  }

  async walk(signal: AbortSignal): Promise<void> {
    const bases = [...new Set(this.#globs.map((glob) => glob.base))];
    const folders = bases
      .filter((base) => !bases.some((other) => isBelow(base, other)))
      .flatMap((base) => this.#enter(base));
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      signal.throwIfAborted();
      folders.push(...this.#read(folder));
      await nextTurn();
    }
  }

  result(): Walk {
    const links = new Map([...this.#links].toSorted(byPath));
    const missing = this.#sources.filter((source) => !this.#named.has(source));
    const refused = [...this.#refused].toSorted(byPath).map(([path, why]) => `${shown(path)}: ${why}`);
    if (this.#unlisted > 0) refused.push(`and ${this.#unlisted} more`);
    return { files: [...this.#files].toSorted(), links, missing, refused };
  }

  /** Goes down to where a glob begins, a part at a time, since each may be a link. Returns the folder to walk, if it is one. */
  #enter(base: string): readonly string[] {
    const parts = base === "" ? [] : base.split("/");
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const path = parts.slice(0, depth).join("/");
      const kind = path === ".git" ? "the repository's own folder" : this.#kindAt(path);
      if (kind === undefined) return [];
      if (kind !== "folder") return this.#endAt(path, kind, base);
    }
    return [base];
  }

  /** Nothing lies below `path`, since it's no folder. */
  #endAt(path: string, kind: Kind, base: string): readonly string[] {
    if (kind === "file" || (kind === link && path === base)) {
      if (path === base) this.#offer(path, kind);
      return [];
    }
    const stopped = this.#globs.filter((glob) => glob.base === base || isBelow(glob.base, base));
    for (const glob of stopped) this.#named.add(glob.source);
    this.#refuse(path, kind === link ? `${link}; nothing behind it is looked at` : kind);
    return [];
  }

  #kindAt(path: string): Kind | undefined {
    try {
      return kindOf(lstatSync(`${this.#workspace}/${path}`));
    } catch (error) {
      if (notThere.has(systemCodeOf(error) ?? "")) return undefined;
      return `can't be read (${systemCodeOf(error)})`;
    }
  }

  /** Takes what a folder holds; returns the folders in it. */
  #read(folder: string): readonly string[] {
    const folders: string[] = [];
    for (const entry of this.#entries(folder)) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      // Put into another stage's workspace, it would change what git does there.
      if (path === ".git") continue;
      const kind = kindOf(entry);
      if (kind === "folder") folders.push(path);
      else this.#offer(path, kind);
    }
    return folders;
  }

  #entries(folder: string): readonly Dirent[] {
    try {
      return readdirSync(`${this.#workspace}/${folder}`, { withFileTypes: true });
    } catch (error) {
      this.#refuse(folder, `can't be read (${systemCodeOf(error)})`);
      return [];
    }
  }

  #offer(path: string, kind: Kind): void {
    const globs = this.#globs.filter((glob) => glob.matches(path));
    if (globs.length === 0) return;
    for (const glob of globs) this.#named.add(glob.source);
    if (this.#excluded.some((glob) => glob.matches(path))) return;
    const why = this.#faultOf(path, kind);
    if (why !== undefined) return this.#refuse(path, why);
    if (kind === "file") this.#files.add(path);
    if (this.#files.size + this.#links.size > mostFiles) {
      const message = `the artifacts are more than ${mostFiles} files; name fewer in "artifacts.paths", or pack them into one`;
      throw new RunnerError("artifacts_invalid", message);
    }
  }

  #faultOf(path: string, kind: Kind): string | undefined {
    if (kind !== "file" && kind !== link) return kind;
    const why = faultOfName(path);
    if (kind === "file" || why !== undefined) return why;
    const found = readLinkAt(this.#workspace, path);
    if ("why" in found) return found.why;
    this.#links.set(path, found.target);
    return undefined;
  }

  #refuse(path: string, why: string): void {
    if (this.#refused.size < mostRefused) this.#refused.set(path, why);
    else this.#unlisted += 1;
  }
}

/** "folder", "file", a link, or why it's none of them. */
type Kind = string;
const link = "a symbolic link";

function kindOf(
  entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink" | "isFIFO" | "isSocket">,
): Kind {
  if (entry.isDirectory()) return "folder";
  if (entry.isFile()) return "file";
  if (entry.isSymbolicLink()) return link;
  if (entry.isFIFO()) return "a FIFO";
  return entry.isSocket() ? "a socket" : "a device";
}

function byPath([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}

function faultOfName(path: string): string | undefined {
  if (hasControlCharacters(path)) return "control characters in its name";
  return path.includes("\uFFFD") ? "its name isn't UTF-8" : undefined;
}

function isBelow(path: string, folder: string): boolean {
  return path !== folder && (folder === "" || path.startsWith(`${folder}/`));
}

/** For people: quoted where it could deceive them. */
export function shown(path: string): string {
  return hasControlCharacters(path) ? JSON.stringify(path) : path;
}
