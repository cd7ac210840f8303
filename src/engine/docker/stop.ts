import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import type { StageHandle } from "../engine.ts";
import { signalCommands } from "../room/read-marks.ts";
import { isAlreadySo, isNotFound, translate } from "./errors.ts";
import type { Watch } from "./watch.ts";

/**
 * TERM to every process (the engine's own kill reaches just the first), and KILL to what is left after the grace.
 * Resolves when the container has ended.
 */
export async function stopContainer(
  container: Docker.Container,
  handle: StageHandle,
  watch: Watch,
  graceMs: number,
): Promise<void> {
  const { nonce, shell } = handle.facts;
  const ended = watch.done;
  const grace = sleep(graceMs, false, { ref: false }); // runs already while the engine is asked, which may hang
  const terminated = signalCommands(
    { room: handle.room, nonce: String(nonce) },
    () => terminateAll(container, String(shell)),
    () => watch.ended,
  );
  terminated.catch(() => {});
  const inTime = await Promise.race([ended.then(() => true), grace]);
  if (inTime) return;
  await signalFirst(container, "SIGKILL");
  await ended;
}

/** A shell beside the stage's signals all but the first process and itself. Where none can be had, the first one is told. */
async function terminateAll(container: Docker.Container, shell: string): Promise<void> {
  try {
    const exec = await container.exec({ Cmd: [shell, "-c", "kill -TERM -1"], User: "0", WorkingDir: "/" });
    await exec.start({ Detach: true });
  } catch {
    await signalFirst(container, "SIGTERM");
  }
}

async function signalFirst(container: Docker.Container, signal: string): Promise<void> {
  try {
    await container.kill({ signal });
  } catch (error) {
    if (!isNotFound(error) && !isAlreadySo(error)) throw translate(error, { verb: "end the container" });
  }
}
