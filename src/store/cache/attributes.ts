import {
  chmodSync,
  chownSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  lutimesSync,
  utimesSync,
} from "node:fs";
import type { TarEntry } from "./tar-header.ts";

/** Whom the restored files are for. */
export interface StageUser {
  /** The stage is root, and root here: it may do with all files as it likes. */
  readonly isRoot: boolean;
  /** Its number; undefined when only the container knows. */
  readonly uid: number | undefined;
}

type Attributes = Pick<TarEntry, "kind" | "mode" | "uid" | "gid" | "mtimeMicros">;

/** Gives files back what they had. Owners only root can give; without them the stage must be let in by the mode. */
export class Restorer {
  readonly #user: StageUser;
  readonly #givesOwners = process.geteuid?.() === 0;

  constructor(user: StageUser) {
    this.#user = user;
  }

  file(fd: number, entry: Attributes): void {
    if (this.#givesOwners && !isOurs(entry)) fchownSync(fd, entry.uid, entry.gid);
    fchmodSync(fd, this.#modeOf(entry)); // after the owner, whose change takes setuid away
    futimesSync(fd, secondsOf(entry), secondsOf(entry));
  }

  /** `path` leads through nothing that a stage could have put there. */
  folder(path: string, entry: Attributes): void {
    if (this.#givesOwners && !isOurs(entry)) chownSync(path, entry.uid, entry.gid);
    chmodSync(path, this.#modeOf(entry));
    utimesSync(path, secondsOf(entry), secondsOf(entry));
  }

  link(path: string, entry: Attributes): void {
    if (this.#givesOwners && !isOurs(entry)) lchownSync(path, entry.uid, entry.gid);
    lutimesSync(path, secondsOf(entry), secondsOf(entry));
  }

  /** As it was, but for a stage that is neither root nor the owner: for it, all may read and write, as in the rest of its workspace. */
  #modeOf({ kind, mode, uid }: Attributes): number {
    const { isRoot, uid: stageUid } = this.#user;
    const ownsIt = this.#givesOwners && (stageUid === undefined ? uid !== 0 : uid === stageUid);
    if (isRoot || ownsIt) return mode;
    const execute = kind === "folder" || (mode & 0o111) !== 0 ? 0o111 : 0;
    return mode | 0o666 | execute;
  }
}

function isOurs({ uid, gid }: Attributes): boolean {
  return uid === process.geteuid?.() && gid === process.getegid?.();
}

function secondsOf({ mtimeMicros }: Attributes): number {
  return mtimeMicros / 1e6;
}
