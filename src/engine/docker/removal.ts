import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlreadySo, isNotFound, translate } from "./errors.ts";
import { runLabel, runnerLabel } from "./labels.ts";

const pollMs = 50;
const patienceMs = 30_000;

/** Running or not, with its anonymous volumes. Resolves when the engine no longer knows it. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if (isNotFound(error)) return;
    if (!isAlreadySo(error)) throw translate(error, { verb: "remove the container" });
    await untilGone(container); // somebody removes it at this moment, most likely the engine itself
  }
}

export async function sweepContainers(
  docker: Docker,
  runnerId: string,
  liveRuns: ReadonlySet<string>,
): Promise<readonly string[]> {
  try {
    const filters = { label: [`${runnerLabel}=${runnerId}`] };
    const containers = await docker.listContainers({ all: true, filters });
    const stale = containers.filter(({ Labels: labels }) => !liveRuns.has(labels[runLabel] ?? ""));
    await Promise.all(stale.map(({ Id: id }) => removeContainer(docker.getContainer(id))));
    return stale.map(({ Labels: labels, Id: id }) => labels[runLabel] ?? id);
  } catch (error) {
    throw translate(error, { verb: "list the containers" });
  }
}

async function untilGone(container: Docker.Container): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    try {
      await container.inspect();
    } catch (error) {
      if (isNotFound(error)) return;
      throw translate(error, { verb: "inspect the container" });
    }
    await sleep(pollMs);
  }
}
