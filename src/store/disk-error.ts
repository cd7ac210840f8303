import { messageOf, RunnerError, systemCodeOf } from "../shared/errors.ts";

const noRoom = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What a failed write means. `what` is said to the user ("the run's journal"); the system's own message would show a path. */
export function diskError(error: unknown, what: string): RunnerError {
  if (error instanceof RunnerError) return error;
  const code = systemCodeOf(error);
  if (code !== undefined && noRoom.has(code)) {
    const message = `no space left for ${what}; make room on the disk of the state folder and try again`;
    return new RunnerError("disk_full", message, { cause: error });
  }
  const message = `can't write ${what} (${code ?? messageOf(error)}); check the state folder and its disk`;
  return new RunnerError("state_unwritable", message, { cause: error });
}
