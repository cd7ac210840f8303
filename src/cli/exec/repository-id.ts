import { createHash } from "node:crypto";
import { basename, dirname } from "node:path";
import type { Source } from "../../source/source.ts";

/** What a repository is called by what `exec` keeps of it: the same for the same place on this machine, different for any other. */
export function repositoryId(source: Source): string {
  const place = source.kind === "tree" ? (source.origin ?? source.folder) : placeOf(source.gitDir);
  const name = basename(place)
    .replaceAll(/[^\w.-]/g, "_")
    .slice(0, 40);
  return `${name}-${createHash("sha256").update(place).digest("hex").slice(0, 12)}`;
}

/** Of a working tree, so that `--ref` means the same repository. */
function placeOf(gitDir: string): string {
  return basename(gitDir) === ".git" ? dirname(gitDir) : gitDir;
}
