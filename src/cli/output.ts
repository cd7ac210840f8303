import { write } from "node:fs";
import { systemCodeOf } from "../shared/errors.ts";

const retryDelayMs = 5;

/** Nobody reads our stdout any more (`| head`): not an error to speak of, but the end. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** Writes all of it to stdout; resolves when the system has it. Throws OutputClosed. */
export async function writeOut(text: string): Promise<void> {
  try {
    await writeAll(1, Buffer.from(text));
  } catch (error) {
    if (systemCodeOf(error) === "EPIPE") throw new OutputClosed("stdout is closed");
    throw error;
  }
}

/** Writes all of it to stderr. There's nowhere to report that stderr is closed, so nothing is thrown. */
export async function writeErr(text: string): Promise<void> {
  try {
    await writeAll(2, Buffer.from(text));
  } catch {
    // What follows isn't made better by stopping here.
  }
}

/**
 * By `fs.write`, which works in a thread of its own: a reader that stops reading holds up no signal and no timeout of
 * ours, while everything is written once the promise resolves, so that the process may exit.
 */
async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += await writeSome(descriptor, bytes, done);
    } catch (error) {
      if (systemCodeOf(error) !== "EAGAIN") throw error;
      await Bun.sleep(retryDelayMs); // another process has set this pipe or terminal to non-blocking
    }
  }
}

function writeSome(descriptor: number, bytes: Uint8Array, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, from, bytes.length - from, null, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}
