import { constants, type Stats } from "node:fs";
import { copyFile, lstat, mkdir, readlink, symlink } from "node:fs/promises";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { bytesOf, type Name } from "./tree-files.ts";

const workers = 8;

/**
 * Copies files, links and (empty) folders by name. What is gone meanwhile, or lies behind a link, isn't there;
 * what is neither file, link nor folder is left out.
 */
export async function copyFiles(
  names: readonly Name[],
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const copier = new Copier(from, to);
  const queue = names.values();
  const work = async (): Promise<void> => {
    for (const name of queue) {
      signal.throwIfAborted();
      await copier.copy(name);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: workers }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

class Copier {
  readonly #from: string;
  readonly #to: string;
  /** By name: whether it's a real folder here, and so there. */
  readonly #folders = new Map<Name, Promise<boolean>>();

  constructor(from: string, to: string) {
    this.#from = from;
    this.#to = to;
  }

  async copy(name: Name): Promise<void> {
    if (!(await this.#parentIsFolder(name))) return;
    try {
      const stats = await this.#look(name);
      if (stats !== undefined) await this.#put(name, stats);
    } catch (error) {
      throw translate(error, name);
    }
  }

  async #put(name: Name, stats: Stats): Promise<void> {
    const source = bytesOf(this.#from, name);
    const target = bytesOf(this.#to, name);
    if (stats.isDirectory()) await this.#folder(name);
    else if (stats.isSymbolicLink()) await symlink(await readlink(source, { encoding: "buffer" }), target);
    else if (stats.isFile()) await copyFile(source, target, constants.COPYFILE_FICLONE);
  }

  #parentIsFolder(name: Name): Promise<boolean> | boolean {
    const end = name.lastIndexOf("/");
    return end < 0 || this.#folder(name.slice(0, end));
  }

  #folder(name: Name): Promise<boolean> {
    const known = this.#folders.get(name);
    if (known !== undefined) return known;
    const made = this.#makeFolder(name);
    this.#folders.set(name, made);
    return made;
  }

  async #makeFolder(name: Name): Promise<boolean> {
    if (!(await this.#parentIsFolder(name))) return false;
    if ((await this.#look(name))?.isDirectory() !== true) return false;
    await mkdir(bytesOf(this.#to, name));
    return true;
  }

  async #look(name: Name): Promise<Stats | undefined> {
    try {
      return await lstat(bytesOf(this.#from, name));
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "")) return undefined;
      throw error;
    }
  }
}

function translate(error: unknown, name: Name): unknown {
  const code = systemCodeOf(error);
  if (code === undefined || code === "ENOSPC" || code === "EDQUOT") return error;
  const shown = JSON.stringify(Buffer.from(name, "latin1").toString());
  return new RunnerError("checkout_failed", `can't copy ${shown} from the working tree (${code})`, {
    cause: error,
  });
}
