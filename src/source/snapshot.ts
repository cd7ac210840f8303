import { checkOut } from "./checkout.ts";
import type { Source } from "./source.ts";

type Tree = Source & { kind: "tree" };

/**
 * A copy of a working tree as it is now, in `folder`, for the workspaces of several stages: copying it is quicker than asking
 * git for each of them, and all of them get the same. Throws as `checkOut` does.
 */
export async function takeSnapshot(
  source: Tree,
  folder: string,
  depth: number,
  signal: AbortSignal,
): Promise<Tree> {
  await checkOut({ source, workspace: folder, depth }, signal);
  return { ...source, folder, isSnapshot: true, origin: source.folder };
}
