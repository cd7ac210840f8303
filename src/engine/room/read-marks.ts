import { open, type FileHandle } from "node:fs/promises";
import { systemCodeOf } from "../../shared/errors.ts";
import { Cutter } from "./cut.ts";
import { Marks } from "./marks.ts";

const readBytes = 256 * 1024;

/** What a room's log says of its stage so far; undefined when there is no such room. */
export async function marksOf(room: string, nonce: string): Promise<Marks | undefined> {
  const marks = new Marks();
  try {
    const file = await open(`${room}/log`, "r");
    try {
      await readMarks(file, Number.POSITIVE_INFINITY, new Cutter(nonce), marks);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  return marks;
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
