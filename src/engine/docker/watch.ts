import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { Leftover } from "../room/leftover.ts";
import { isNotFound } from "./errors.ts";

const shortestRetryMs = 200;
const longestRetryMs = 5000;

/**
 * Knows when a started container has ended. Nothing else is taken from the engine's `wait`, which may answer wrongly for
 * a container that never ran: how it ended is asked by inspection. While the engine is away, the watch goes on asking.
 */
export class Watch {
  readonly done: Promise<void>;
  #ended = false;
  #closed = false;

  constructor(container: Docker.Container, room: string) {
    const leftover = new Leftover(room);
    this.done = this.#untilEnded(container).then(() => {
      try {
        leftover.rescue();
      } finally {
        this.#ended = true; // whatever the stage did to its room, it has ended
      }
    });
    this.done.catch(() => {});
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Nobody wants to know any more. */
  close(): void {
    this.#closed = true;
  }

  async #untilEnded(container: Docker.Container): Promise<void> {
    let pause = shortestRetryMs;
    while (!this.#closed) {
      try {
        await container.wait({ condition: "not-running" });
        if (!(await isRunning(container))) return;
      } catch {
        if (await isRunning(container).catch(() => true)) await sleep(pause);
        else return;
        pause = Math.min(pause * 2, longestRetryMs);
      }
    }
  }
}

async function isRunning(container: Docker.Container): Promise<boolean> {
  try {
    return (await container.inspect()).State.Running;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
