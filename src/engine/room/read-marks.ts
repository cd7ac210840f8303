import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCodeOf } from "../../shared/errors.ts";
import { Cutter } from "./cut.ts";
import { Marks } from "./marks.ts";

const readBytes = 256 * 1024;

/** What a room's log says of its stage so far, in its first `until` bytes; undefined when there is no such room. */
export async function marksOf(
  room: string,
  nonce: string,
  until = Number.POSITIVE_INFINITY,
): Promise<Marks | undefined> {
  const marks = new Marks();
  try {
    const file = await open(`${room}/log`, "r");
    try {
      await readMarks(file, until, new Cutter(nonce), marks);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  return marks;
}

/** The mark of the first command, or of the end, stands nearer to the beginning than this. */
const beginningBytes = 4096;
const startMs = 50;

/**
 * Sends a signal that the commands are to get. While their shell is being started it's lost (a fork of another shell takes
 * it), so it's sent until it was sent to commands that had begun. `ended` as for all who wait for a stage.
 */
export async function signalCommands(
  { room, nonce }: { readonly room: string; readonly nonce: string },
  send: () => Promise<void> | void,
  ended: () => boolean,
): Promise<void> {
  for (let begun = false; !begun && !ended();) {
    const marks = await marksOf(room, nonce, beginningBytes);
    begun = marks === undefined || marks.step > 0 || marks.end !== undefined;
    await send();
    if (!begun) await sleep(startMs);
  }
}

/** The marks in the log's first `until` bytes. */
export async function readMarks(
  file: FileHandle,
  until: number,
  cutter: Cutter,
  marks: Marks,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(readBytes);
  let offset = 0;
  while (offset < until && marks.end === undefined) {
    const wanted = Math.min(readBytes, until - offset);
    const { bytesRead } = await file.read(buffer, 0, wanted, offset);
    if (bytesRead === 0) return;
    const last = bytesRead < wanted || offset + bytesRead >= until;
    offset += cutter.cut(buffer.subarray(0, bytesRead), marks, last).used;
  }
}
