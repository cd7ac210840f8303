import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Makes a folder a repository with one commit of all that is in it. */
export function commitAll(folder: string, message = "all files"): void {
  for (const command of [
    ["init", "--quiet", "--initial-branch=main"],
    ["add", "--all", "--force"],
    [
      "-c",
      "user.name=t",
      "-c",
      "user.email=t@localhost",
      "commit",
      "--quiet",
      "--allow-empty",
      `--message=${message}`,
    ],
  ]) {
    const git = Bun.spawnSync(["git", ...command], { cwd: folder });
    if (!git.success) throw new Error(git.stderr.toString());
  }
}

/** A repository of these files. */
export async function makeRepository(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  commitAll(folder);
  return folder;
}
