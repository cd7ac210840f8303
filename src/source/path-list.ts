import { RunnerError } from "../shared/errors.ts";
import { startGit, type GitCall } from "./git.ts";
import { maxEntries } from "./workspace-git.ts";

const maxListBytes = 64 * 1024 * 1024;

/**
 * The paths that git lists with `-z`, as text: what they are compared with is text, too. Without repositories inside this one, which
 * end in a slash. Throws when there are more than a source tree has, before they are all in memory.
 */
export async function listPaths(
  call: Omit<GitCall, "input">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let entries = 0;
  for await (const chunk of startGit({ ...call, input: "" }, signal).output) {
    size += chunk.length;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, end + 1)) entries += 1;
    if (entries > maxEntries || size > maxListBytes)
      throw new RunnerError(call.failure, `there are more than ${String(maxEntries)} files to look through`);
    chunks.push(chunk);
  }
  const names = Buffer.concat(chunks).toString().split("\0");
  return names.filter((name) => name !== "" && !name.endsWith("/"));
}
