/** The short hash that the repository at `root` stands at; "unknown" for a folder that is no repository of its own. */
export function commitOf(root: string): string {
  try {
    // Named outright, so that git neither climbs to a repository above nor minds whose folder this is.
    const git = Bun.spawnSync(["git", "--git-dir=.git", "rev-parse", "--short", "HEAD"], {
      cwd: root,
      stderr: "ignore",
    });
    return git.success ? git.stdout.toString().trim() : "unknown";
  } catch {
    return "unknown"; // no git on this machine
  }
}
