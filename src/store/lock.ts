import { createHash, randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isRecord } from "../events/shape.ts";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { makeFolder } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { lockFile } from "./layout.ts";
import { parseLine } from "./ndjson.ts";

export interface FolderLock {
  /** May be called again. */
  release(): Promise<void>;
}

/**
 * One daemon a state folder. Throws `state_locked`, which names the other's pid. A holder that is dead, killed at whatever
 * moment, is no obstacle; of several processes that find it dead, one takes its place.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  try {
    await makeFolder(folder, false);
    const release = lockAt(lockFile(folder), (pid) => locked(folder, pid));
    return { release: async () => release() };
  } catch (error) {
    throw diskError(error, `the lock of the state folder ${folder}`);
  }
}

/** The same of any file in a folder that is there. Throws what `refusal` makes of a living holder's pid. Returns what frees it. */
export function lockAt(path: string, refusal: (pid: number) => Error): () => void {
  const mine = `${JSON.stringify({ ...identityOf(process.pid), nonce: randomBytes(8).toString("hex") })}\n`;
  acquire(path, mine, { base: path, refusal });
  return () => {
    if (readLock(path) === mine) rmSync(path, { force: true });
  };
}

interface Wanted {
  /** What the names of the guards begin with. */
  readonly base: string;
  readonly refusal: (pid: number) => Error;
}

/**
 * A lock appears with its content, by a link, so nobody ever reads half of one. A dead holder's lock is replaced only by
 * the process that holds the guard named after that very holder; the guard is a lock like this one, should its own holder die.
 */
function acquire(path: string, mine: string, wanted: Wanted): void {
  for (;;) {
    if (place(path, mine, linkSync)) return;
    const held = readLock(path);
    if (held === undefined) continue;
    const pid = livingHolder(held);
    if (pid !== undefined) throw wanted.refusal(pid);
    const guard = `${wanted.base}-${digest(`${path}\n${held}`)}`;
    acquire(guard, mine, wanted);
    try {
      if (readLock(path) === held && place(path, mine, renameSync)) return;
    } finally {
      rmSync(guard, { force: true });
    }
  }
}

/** False when the path is taken; a rename takes it in any case. */
function place(path: string, content: string, how: (from: string, to: string) => void): boolean {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(temporary, content, { flag: "wx", mode: 0o600 });
    how(temporary, path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** undefined when the holder is dead, or when the lock says nothing that could be a holder. */
function livingHolder(held: string): number | undefined {
  const record = parseLine(held);
  if (!isRecord(record)) return undefined;
  const { pid, started } = record;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const now = identityOf(pid);
  if (now.started !== "" && typeof started === "string" && started !== "")
    return now.started === started ? pid : undefined;
  return isAlive(pid) ? pid : undefined;
}

/** A pid is used again; a pid with its start time is not. Without /proc the pid alone must do. */
function identityOf(pid: number): { readonly pid: number; readonly started: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may itself hold brackets and spaces. Of what follows it, the 20th is the start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return { pid, started: "ended" };
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { pid, started: `${boot} ${fields[19] ?? ""}` };
  } catch {
    return { pid, started: "" };
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === "EPERM";
  }
}

function locked(folder: string, pid: number): RunnerError {
  const message = `the state folder ${folder} is in use by the runner with pid ${pid}; stop it, or choose another folder with --state-dir`;
  return new RunnerError("state_locked", message);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}
