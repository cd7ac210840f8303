import type Docker from "dockerode";
import { unlessAborted } from "../../shared/abort.ts";
import { linesOf } from "./service-log.ts";

export interface RanInside {
  readonly exitCode: number | null;
  readonly output: string;
}

/** What a check has to say fits; the rest is read and forgotten. */
const longestOutput = 64 * 1024;

/** Runs a command beside a container's own, as its user, and waits for its end. */
export async function runInside(
  container: Docker.Container,
  command: readonly string[],
  signal: AbortSignal,
): Promise<RanInside> {
  const exec = await unlessAborted(
    container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true }),
    signal,
  );
  const stream = await unlessAborted(exec.start({ Detach: false, Tty: false }), signal);
  const leave = (): void => void stream.destroy();
  signal.addEventListener("abort", leave, { once: true });
  try {
    const output = linesOf(await unlessAborted(read(stream), signal)).join("\n");
    const { ExitCode: exitCode } = await unlessAborted(exec.inspect(), signal);
    return { exitCode, output };
  } finally {
    signal.removeEventListener("abort", leave);
    stream.destroy();
  }
}

async function read(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const piece = Buffer.from(chunk);
    if (bytes < longestOutput) chunks.push(piece);
    bytes += piece.length;
  }
  return Buffer.concat(chunks);
}
