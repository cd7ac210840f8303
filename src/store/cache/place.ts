import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  type Stats,
} from "node:fs";
import { platform } from "node:os";
import { systemCodeOf } from "../../shared/errors.ts";
import type { Restorer } from "./attributes.ts";
import { Slices } from "./slices.ts";
import type { TarEntry } from "./tar-header.ts";

/** Something stands in the workspace where the cache has something else. */
export class InTheWay extends Error {
  override readonly name = "InTheWay";
}

/** A folder that is held open: what is done in it is done in this one, whatever a stage puts in its place meanwhile. */
interface Held {
  readonly fd: number;
  readonly place: string;
}

/**
 * Moves all that `from` holds into the workspace, whole or not at all: folders that are there already are merged, files and links
 * are replaced, and whatever fails, all that was moved is moved back. `aside` keeps what was replaced until then; it lies on the same
 * disk. Nothing is moved through a link. Throws InTheWay.
 */
export async function placeAll(
  move: {
    readonly from: string;
    readonly aside: string;
    readonly workspace: string;
    /** What a folder that is merged is like then; one without stays as it is. */
    readonly folders: ReadonlyMap<string, TarEntry | undefined>;
  },
  restorer: Restorer,
  signal: AbortSignal,
): Promise<void> {
  const placement = new Placement(move.workspace, move.aside);
  mkdirSync(move.aside, 0o700);
  try {
    await placement.merge(move.from, "", signal);
    placement.finish(move.folders, restorer);
  } catch (error) {
    placement.undo();
    throw error;
  }
}

interface Move {
  /** In the workspace, relative to it. */
  readonly path: string;
  /** Where it came from, or where it was put aside. */
  readonly elsewhere: string;
  readonly way: "in" | "out";
}

class Placement {
  readonly #workspace: string;
  readonly #aside: string;
  readonly #merged: string[] = [];
  readonly #moved: Move[] = [];
  readonly #slices = new Slices();

  constructor(workspace: string, aside: string) {
    this.#workspace = workspace;
    this.#aside = aside;
  }

  async merge(from: string, path: string, signal: AbortSignal): Promise<void> {
    const folders: string[] = [];
    chmodSync(from, 0o700); // who isn't root can move nothing out of a folder that may not be written to
    const held = this.#hold(path);
    try {
      for (const name of readdirSync(from)) {
        if (this.#slices.isOver) await this.#slices.pause(signal);
        if (this.#bring(`${from}/${name}`, held, inside(path, name)) === "merge") folders.push(name);
      }
    } finally {
      closeSync(held.fd);
    }
    for (const name of folders) await this.merge(`${from}/${name}`, inside(path, name), signal);
    this.#merged.push(path);
  }

  /** The innermost first: it's known only now that nothing more will change their times. */
  finish(folders: ReadonlyMap<string, TarEntry | undefined>, restorer: Restorer): void {
    for (const path of this.#merged) {
      const entry = folders.get(path);
      if (entry === undefined) continue;
      const held = this.#hold(path);
      try {
        restorer.folder(held.place, entry);
      } finally {
        closeSync(held.fd);
      }
    }
  }

  /** As far as the workspace lets it: what a stage's image moved meanwhile can't be found. */
  undo(): void {
    for (const move of this.#moved.toReversed()) {
      try {
        this.#moveBack(move);
      } catch {
        // The others still go back.
      }
    }
  }

  #moveBack({ path, elsewhere, way }: Move): void {
    const held = this.#hold(parentOf(path));
    try {
      const place = `${held.place}/${nameOf(path)}`;
      if (way === "in") renameSync(place, elsewhere);
      else renameSync(elsewhere, place);
    } finally {
      closeSync(held.fd);
    }
  }

  /** Moves one thing in, unless both are folders. */
  #bring(from: string, to: Held, path: string): "merge" | "moved" {
    const target = `${to.place}/${nameOf(path)}`;
    const theirs = lstatSync(target, { throwIfNoEntry: false });
    const ours = lstatSync(from);
    if (theirs?.isDirectory() === true && ours.isDirectory()) return "merge";
    if (theirs !== undefined && (theirs.isDirectory() || ours.isDirectory()))
      throw new InTheWay(`${JSON.stringify(path)} is ${kindOf(theirs)} in the workspace`);
    const aside = `${this.#aside}/${String(this.#moved.length)}`;
    if (theirs !== undefined) this.#move(target, { path, elsewhere: aside, way: "out" });
    if (ours.isDirectory()) this.#moveFolder(from, target, path, ours);
    else this.#move(target, { path, elsewhere: from, way: "in" });
    return "moved";
  }

  /** Who isn't root can only move a folder that may be written to. */
  #moveFolder(from: string, target: string, path: string, { mode }: Stats): void {
    const move = { path, elsewhere: from, way: "in" } as const;
    if ((mode & 0o200) !== 0) return this.#move(target, move);
    const fd = openFolder(from);
    try {
      fchmodSync(fd, mode | 0o200);
      this.#move(target, move);
      fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
  }

  #move(place: string, move: Move): void {
    if (move.way === "in") renameSync(move.elsewhere, place);
    else renameSync(place, move.elsewhere);
    this.#moved.push(move);
  }

  /** Opens a folder of the workspace part by part, each of which must be a folder and no link to one. */
  #hold(path: string): Held {
    let held = heldAt(openFolder(this.#workspace), this.#workspace);
    for (const part of path === "" ? [] : path.split("/")) {
      const next = `${held.place}/${part}`;
      try {
        const fd = openFolder(next);
        closeSync(held.fd);
        held = heldAt(fd, next);
      } catch (error) {
        closeSync(held.fd);
        if (["ELOOP", "ENOTDIR"].includes(systemCodeOf(error) ?? ""))
          throw new InTheWay(`${JSON.stringify(path)} is no folder in the workspace any more`);
        throw error;
      }
    }
    return held;
  }
}

function openFolder(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/** What `openat` and its kin do: a path that begins at an open folder. Only Linux has one; elsewhere the name must do. */
function heldAt(fd: number, path: string): Held {
  return { fd, place: platform() === "linux" ? `/proc/self/fd/${String(fd)}` : path };
}

function kindOf(stat: Stats): string {
  if (stat.isSymbolicLink()) return "a symbolic link";
  return stat.isDirectory() ? "a folder" : "a file";
}

function inside(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
