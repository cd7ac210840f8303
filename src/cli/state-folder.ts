import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Environment, Flag } from "./arguments.ts";

export const stateDirFlag = {
  kind: "text",
  value: "DIR",
  about: "the state folder (default: /var/lib/gitfoss-runner for root, else $XDG_STATE_HOME/gitfoss-runner)",
} as const satisfies Flag;

/** Where the state lies: as `--state-dir` says, else root's place, else the user's. Absolute. */
export function stateFolder(flag: string | undefined, environment: Environment, isRoot: boolean): string {
  if (flag !== undefined && flag !== "") return resolve(flag);
  if (isRoot) return "/var/lib/gitfoss-runner";
  const stateHome = environment["XDG_STATE_HOME"];
  // The XDG specification: a path that isn't absolute is to be ignored.
  const base =
    stateHome !== undefined && isAbsolute(stateHome) ? stateHome : join(homedir(), ".local", "state");
  return join(base, "gitfoss-runner");
}

/** The same for this process. */
export function ownStateFolder(flag: string | undefined): string {
  return stateFolder(flag, process.env, process.getuid?.() === 0);
}

/** What `exec` keeps for later ones, apart from what a daemon has: its repositories' names are of its own making. */
export function execFolder(state: string): string {
  return join(state, "exec");
}
