import type Docker from "dockerode";
import type { Exit } from "../engine.ts";
import type { Marks } from "../room/marks.ts";
import { isNotFound, translate } from "./errors.ts";

/** The stage's own word where it gave one; the engine's where it was killed before it could. */
export async function exitOf(container: Docker.Container, marks: Marks): Promise<Exit> {
  const { end } = marks;
  const steps = marks.steps();
  if (end !== undefined) {
    const { exitCode, outOfMemoryKills, peakMemoryBytes, cpuSeconds } = end;
    const usage = { peakMemoryBytes, cpuSeconds };
    return { exitCode, outOfMemory: outOfMemoryKills > 0, lost: false, steps, usage };
  }
  try {
    const { State: state } = await container.inspect();
    return {
      exitCode: null,
      outOfMemory: state.OOMKilled,
      lost: false,
      steps,
      usage: {},
    };
  } catch (error) {
    if (!isNotFound(error)) throw translate(error, { verb: "inspect the container" });
    return { exitCode: null, outOfMemory: false, lost: true, steps, usage: {} };
  }
}
