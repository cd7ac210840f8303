import { closeSync, constants, openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCodeOf } from "../../shared/errors.ts";

/** Polls for a reader at the gate: the shell needs a millisecond or two from its start to there. */
const pollMs = 1;

/**
 * The gate of a stage that was let in. It stays open in this process until the stage is let go; when the process dies, the
 * stage sees the gate's end, and goes by itself once its commands have ended.
 */
export class Gate {
  #descriptor: number | undefined;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Waits for the stage to get to the gate of its room, and lets it in; undefined when `ended` turned true before. */
  static async open(room: string, ended: () => boolean, signal: AbortSignal): Promise<Gate | undefined> {
    while (!ended()) {
      signal.throwIfAborted();
      const descriptor = knock(`${room}/gate`);
      if (descriptor !== undefined) return new Gate(descriptor);
      await sleep(pollMs);
    }
    return undefined;
  }

  /** All that the stage wrote has been read: it may go, and what its commands left behind with it. */
  letGo(): void {
    if (this.#descriptor !== undefined) writeLine(this.#descriptor);
    this.close();
  }

  /** As if this process had died: the stage goes by itself. Idempotent. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** A FIFO without a reader refuses to be opened (ENXIO), which is how we know that nobody waits yet. */
function knock(path: string): number | undefined {
  try {
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    if (writeLine(descriptor)) return descriptor;
    closeSync(descriptor);
    return undefined;
  } catch (error) {
    if (systemCodeOf(error) === "ENXIO") return undefined;
    throw error;
  }
}

/** False when the reader has gone. */
function writeLine(descriptor: number): boolean {
  try {
    writeSync(descriptor, "\n");
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "EPIPE") return false;
    throw error;
  }
}
