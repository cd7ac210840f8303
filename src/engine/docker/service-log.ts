import type Docker from "dockerode";
import { unlessAborted } from "../../shared/abort.ts";
import type { ServiceLog } from "../services.ts";
import { isNotFound, translate } from "./errors.ts";

const fileBytes = 5_000_000;

/** What the engine keeps of a service's log: between one and two files of it. */
export const logOptions = {
  Type: "json-file",
  Config: { "max-size": String(fileBytes), "max-file": "2", compress: "false" },
};

/** A line in the engine's file has at least so much around it. */
const bytesAroundALine = 70;

/** Bounded by what the engine keeps. */
export async function readServiceLog(
  container: Docker.Container,
  lastLines: number | undefined,
  signal: AbortSignal,
): Promise<ServiceLog | undefined> {
  const tail = lastLines === undefined ? {} : { tail: lastLines };
  try {
    const frames = await unlessAborted(
      container.logs({ stdout: true, stderr: true, follow: false, abortSignal: signal, ...tail }),
      signal,
    );
    const lines = linesOf(frames);
    return { lines, isCut: lastLines === undefined && mayHaveLostFiles(lines) };
  } catch (error) {
    signal.throwIfAborted();
    if (isNotFound(error)) return undefined;
    throw translate(error, { verb: "hand over the log of a service" });
  }
}

/** Once a file was full, there's always a whole one beside the newest. */
function mayHaveLostFiles(lines: readonly string[]): boolean {
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + bytesAroundALine, 0);
  return bytes >= fileBytes;
}

/** A frame is a header of 8 bytes, the last four of which are the length of what follows. */
export function linesOf(frames: Buffer): readonly string[] {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= frames.length;) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    parts.push(frames.subarray(at + 8, end));
    at = end;
  }
  const text = Buffer.concat(parts).toString("utf8");
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}
