import { createHash } from "node:crypto";
import { compileGlob, type PathGlob } from "../shared/path-glob.ts";
import type { Inputs } from "./inputs.ts";
import type { Name } from "./tree-files.ts";

/** More names than that on a command line aren't worth it: git then lists everything. */
const mostBases = 500;

/** A file, link or submodule as git sees it: "100755", "120000", "160000", and the id of its content. */
export interface InputFile {
  readonly name: Name;
  readonly mode: string;
  readonly id: string;
}

/** Makes a digest of the files that its globs fit. To be added in an order that follows from the names. */
export class Gatherer {
  readonly #globs: readonly PathGlob[];
  readonly #left: Set<PathGlob>;
  readonly #hash = createHash("sha256");

  constructor(globs: readonly string[]) {
    this.#globs = compiled(globs);
    this.#left = new Set(this.#globs);
  }

  wants(name: Name, mode: string): boolean {
    const path = textOf(name);
    return this.#globs.some((glob) => fits(glob, path, mode));
  }

  /** A file that is wanted. */
  add({ name, mode, id }: InputFile): void {
    const path = this.#left.size === 0 ? "" : textOf(name);
    for (const glob of this.#left) if (fits(glob, path, mode)) this.#left.delete(glob);
    this.#hash.update(`${mode} ${id}\t`).update(name, "latin1").update("\0");
  }

  result(): Inputs {
    return {
      digest: this.#hash.digest("hex"),
      unmatched: [...this.#left].map(({ source }) => source),
      isEmpty: this.#left.size === this.#globs.length,
    };
  }
}

const submodule = "160000";

/** A submodule is one entry, and stands for all that is in it. */
function fits(glob: PathGlob, path: string, mode: string): boolean {
  return glob.matches(path) || (mode === submodule && glob.matches(`${path}/x`));
}

/** Names of folders and files, in none of which another one lies, that hold all that the globs can fit; empty: everything. */
export function basesOf(globs: readonly string[]): readonly string[] {
  const bases = [...new Set(compiled(globs).map(({ base }) => base))];
  if (bases.includes("") || bases.length > mostBases) return [];
  return bases.filter((base) => !bases.some((other) => base.startsWith(`${other}/`)));
}

/** The folder ("" for the top) or file that a glob stands for as a whole; undefined when it chooses among the names in it. */
export function wholeOf(glob: string): string | undefined {
  const [found] = compiled([glob]);
  if (found === undefined) return undefined;
  const rest = partsOf(glob).slice(found.base === "" ? 0 : partsOf(found.base).length);
  const takesAll = rest.length === 0 || /^\*\*(\/\*\*)*(\/\*)?$/.test(rest.join("/"));
  return takesAll ? found.base : undefined;
}

/** Whether a glob fits only what lies in its folder, not a file of that name. */
export function wantsFolder(glob: string): boolean {
  return glob.endsWith("/") || glob.endsWith("*");
}

function compiled(globs: readonly string[]): readonly PathGlob[] {
  return globs.map(compileGlob).filter((glob) => glob !== undefined);
}

function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function textOf(name: Name): string {
  return /[^ -~]/.test(name) ? Buffer.from(name, "latin1").toString() : name;
}
