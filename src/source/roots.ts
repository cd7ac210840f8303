import { realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { commonDirOf, readSmall } from "./git-folder.ts";

/** The configured roots with links resolved; those that aren't there hold nothing. */
export async function realRoots(repoRoots: readonly string[]): Promise<readonly string[]> {
  if (repoRoots.length === 0) {
    throw new RunnerError(
      "repository_invalid",
      "the runner doesn't know where the forge's repositories lie; set it with `gitfoss-ci-runner register --repo-root DIR` " +
        "or `gitfoss-ci-runner config set repoRoots DIR`",
    );
  }
  const roots = await Promise.all(repoRoots.map((root) => realpath(root).catch(() => undefined)));
  return roots.filter((root) => root !== undefined);
}

/** `path` lies in one of `roots` or is one; both absolute, links resolved. */
export function liesIn(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`));
}

/** A repository in the roots may lead out of them: by links, by `commondir`, by borrowing another one's objects. */
export async function refuseWaysOut(gitDir: string, roots: readonly string[]): Promise<void> {
  const common = await commonDirOf(gitDir);
  await refuseOutside(gitDir, roots, "its git directory leads");
  await refuseOutside(common, roots, "its `commondir` leads");
  for (const name of ["HEAD", "config", "packed-refs", "shallow", "refs", "refs/heads", "refs/tags"])
    await refuseOutside(join(common, name), roots, `its \`${name}\` leads`);
  await refuseObjectsOutside(join(common, "objects"), roots, new Set());
}

async function refuseObjectsOutside(
  objects: string,
  roots: readonly string[],
  seen: Set<string>,
): Promise<void> {
  if (seen.has(objects)) return;
  seen.add(objects);
  if (seen.size > 20) throw refusal("it borrows objects from more than 20 repositories");
  for (const path of [objects, join(objects, "pack"), join(objects, "info")])
    await refuseOutside(path, roots, "its objects, or those borrowed by `objects/info/alternates`, lead");
  const alternates = (await readSmall(join(objects, "info/alternates"))) ?? "";
  for (const line of alternates.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith('"')) throw refusal("its `objects/info/alternates` has a quoted path");
    await refuseObjectsOutside(resolve(objects, line), roots, seen);
  }
}

async function refuseOutside(path: string, roots: readonly string[], what: string): Promise<void> {
  if (!liesIn(await realPlaceOf(path), roots))
    throw refusal(`${what} out of the configured repository roots`);
}

/** Of a path that isn't there: where it would be. */
async function realPlaceOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT" || path === "/") throw error;
    return join(await realPlaceOf(dirname(path)), "absent");
  }
}

function refusal(why: string): RunnerError {
  return new RunnerError("repository_invalid", `the repository is refused: ${why}`);
}
