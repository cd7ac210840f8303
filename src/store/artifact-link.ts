import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { systemCodeOf } from "../shared/errors.ts";

/** A link's target as it was written, or why it's no artifact. */
export type LinkFound = { readonly target: string } | { readonly why: string };

export function readLinkAt(workspace: string, path: string): LinkFound {
  let bytes: Buffer;
  try {
    bytes = readlinkSync(join(workspace, path), "buffer");
  } catch (error) {
    return { why: `can't be read (${systemCodeOf(error)})` };
  }
  const target = bytes.toString();
  const why = faultOfTarget(path, target);
  return why === undefined ? { target } : { why: `a symbolic link ${why}` };
}

/**
 * Why nobody may be given a link at `path` with this target. What is left leads to a place in the workspace, whatever other
 * links are on the way: it goes up only at its beginning, where the folders are real ones, and each link on the way down is held
 * to the same.
 */
export function faultOfTarget(path: string, target: string): string | undefined {
  if (target.startsWith("/")) return "to an absolute path";
  if (/[\p{Cc}\u2028\u2029\uFFFD]/u.test(target)) return "to a name with control characters, or not in UTF-8";
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const firstDown = parts.findIndex((part) => part !== "..");
  const ups = firstDown === -1 ? parts.length : firstDown;
  const folders = path.split("/").slice(0, -1);
  if (ups > folders.length) return "that leads out of the workspace";
  if (parts.slice(ups).includes("..")) return 'with ".." behind a name in its target';
  const [top] = [...folders.slice(0, folders.length - ups), ...parts.slice(ups)];
  return top === ".git" ? "into the repository's own folder" : undefined;
}
