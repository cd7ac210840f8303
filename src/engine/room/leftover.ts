import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { systemCodeOf } from "../../shared/errors.ts";

/**
 * The last bytes of a stage that was killed may still lie in the FIFO `out`, since `cat` died with it. A reader of ours
 * keeps them alive until they are added to the log.
 */
export class Leftover {
  readonly #room: string;
  #descriptor: number | undefined;

  constructor(room: string) {
    this.#room = room;
    this.#descriptor = openSync(`${room}/out`, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** To be called once the container has ended. A stage that has shut its log to us loses these bytes. */
  rescue(): void {
    if (this.#descriptor === undefined) return;
    let log: number | undefined;
    try {
      log = openLog(this.#room);
      if (log === undefined) return;
      const bytes = Buffer.allocUnsafe(64 * 1024);
      for (let count = this.#read(bytes); count > 0; count = this.#read(bytes)) {
        writeAll(log, bytes.subarray(0, count));
      }
    } finally {
      if (log !== undefined) closeSync(log);
      this.close();
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** 0 when there is nothing: no writer is left, or one is but says nothing. */
  #read(bytes: Buffer): number {
    try {
      return readSync(this.#descriptor ?? -1, bytes, 0, bytes.length, null);
    } catch (error) {
      if (systemCodeOf(error) === "EAGAIN") return 0;
      throw error;
    }
  }
}

function openLog(room: string): number | undefined {
  try {
    return openSync(`${room}/log`, constants.O_WRONLY | constants.O_APPEND);
  } catch (error) {
    if (systemCodeOf(error) === "EACCES" || systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}
