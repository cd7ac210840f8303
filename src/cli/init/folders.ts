import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Folder } from "./project.ts";

const largestText = 1024 * 1024;
const mostFolders = 200;
/** Other people's code, results, and what only shows how something is used. */
const passedOver =
  /^(\.|node_modules$|vendor$|third_party$|target$|build$|dist$|out$|venv$|examples?$|docs?$|tests?$|fixtures$|testdata$)/i;

/** A folder and those up to two levels below it; files are read when they are asked for. */
export function readFolders(top: string): { readonly top: Folder; readonly below: readonly Folder[] } {
  const first = inside(top, ".");
  const below = first.flatMap((path) => [path, ...inside(top, path)]).slice(0, mostFolders);
  return { top: folderAt(top, "."), below: below.map((path) => folderAt(top, path)) };
}

function inside(top: string, path: string): readonly string[] {
  try {
    return readdirSync(join(top, path), { withFileTypes: true })
      .filter(
        (entry) => entry.isDirectory() && !passedOver.test(entry.name) && /^[\w.@ -]+$/.test(entry.name),
      )
      .map(({ name }) => (path === "." ? name : `${path}/${name}`))
      .toSorted();
  } catch {
    return [];
  }
}

function folderAt(top: string, path: string): Folder {
  const names = new Set(namesIn(join(top, path)));
  return {
    path,
    has: (name) => names.has(name),
    first: (...wanted) => wanted.find((name) => names.has(name)),
    text: (name) => (names.has(name) ? textOf(join(top, path, name)) : ""),
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    const stat = statSync(file);
    return stat.isFile() && stat.size <= largestText ? readFileSync(file, "utf8") : "";
  } catch {
    return "";
  }
}
