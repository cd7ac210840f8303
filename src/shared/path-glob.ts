import { Glob } from "bun";

/** A glob of the manifest, whichever key it stands under: they all are of this one language. */
export interface PathGlob {
  /** As the user wrote it. */
  readonly source: string;
  /** The folder, or the one file, in which all that it can match lies; "" for the workspace. */
  readonly base: string;
  /** Whether it names `path` or a folder above it. */
  matches(path: string): boolean;
}

/** undefined for what can match nothing inside the workspace: an absolute path, or one with "..". */
export function compileGlob(source: string): PathGlob | undefined {
  const parts = source.split("/").filter((part) => part !== "" && part !== ".");
  if (source.startsWith("/") || source === "" || parts.includes("..")) return undefined;
  const pattern = parts.join("/");
  if (pattern === "") return { source, base: "", matches: () => true };
  const firstGlob = parts.findIndex((part) => /[*?[\]{}\\]/.test(part));
  const base = firstGlob === -1 ? pattern : parts.slice(0, firstGlob).join("/");
  const ownFile = !source.endsWith("/");
  const literally = (path: string): boolean =>
    (ownFile && path === pattern) || path.startsWith(`${pattern}/`);
  if (firstGlob === -1) return { source, base, matches: literally };
  // Bun's matcher and no regular expression: a pattern such as "*a*a*a*a*a*b" takes one of those hours on a long name.
  const written = pattern.startsWith("!") ? `\\${pattern}` : pattern;
  const globs = [new Glob(written), new Glob(`${written}/**`)];
  const matches = (path: string): boolean =>
    globs.slice(ownFile ? 0 : 1).some((glob) => glob.match(path)) || literally(path);
  return { source, base, matches };
}
