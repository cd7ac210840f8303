import { closeSync, constants, openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCodeOf } from "../../shared/errors.ts";

/** Polls for a reader at the gate: the shell needs a millisecond or two from its start to there. */
const pollMs = 1;

/** When a wait for the stage is over without it: it ended, or the signal says so. */
export interface Patience {
  readonly ended: () => boolean;
  readonly signal: AbortSignal;
}

/**
 * The gate of a stage that was let in. It stays open in this process until the stage is let go; when the process dies, the
 * stage sees the gate's end, and goes by itself once its commands have ended.
 */
export class Gate {
  #descriptor: number | undefined;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * Waits for the stage to get to the gate of its room, hands `delivery` over and lets it in; undefined when it ended before.
   * A stage whose runner dies on the way has got no line at its gate, and goes.
   */
  static async open(room: string, delivery: string, patience: Patience): Promise<Gate | undefined> {
    // Open from before the stage is at its gate: what it reads there ends only when we say so.
    const outlet = openSync(`${room}/env`, constants.O_RDWR | constants.O_NONBLOCK);
    let gate: number | undefined;
    try {
      gate = await knock(`${room}/gate`, patience);
      if (gate !== undefined) await writeAll(outlet, Buffer.from(delivery), patience);
    } catch (error) {
      if (gate !== undefined) closeSync(gate);
      throw error;
    } finally {
      closeSync(outlet);
    }
    if (gate === undefined || writeLine(gate)) return gate === undefined ? undefined : new Gate(gate);
    closeSync(gate);
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
async function knock(path: string, { ended, signal }: Patience): Promise<number | undefined> {
  while (!ended()) {
    signal.throwIfAborted();
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCodeOf(error) !== "ENXIO") throw error;
    }
    await sleep(pollMs);
  }
  return undefined;
}

/** As the stage makes room for it. Given up when the stage has ended. */
async function writeAll(descriptor: number, bytes: Buffer, { ended, signal }: Patience): Promise<void> {
  for (let written = 0; written < bytes.length && !ended();) {
    signal.throwIfAborted();
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if (systemCodeOf(error) !== "EAGAIN") throw error;
      await sleep(pollMs);
    }
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
