import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlreadySo, isNotFound, translate } from "./errors.ts";
import { runLabel, runnerLabel, serviceLabel } from "./labels.ts";
import { removeNetwork } from "./network.ts";

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

/** What bears our label, by run. */
interface Labelled {
  readonly id: string;
  readonly run: string;
}

/** Ids of what belongs together, in the order in which it has to go. */
interface Found {
  readonly stages: readonly Labelled[];
  readonly services: readonly Labelled[];
  readonly networks: readonly Labelled[];
}

/** The stage's container, then those of its services, then the network that held them together. */
export async function removeRun(
  docker: Docker,
  runnerId: string,
  runId: string,
  stage: Docker.Container,
): Promise<void> {
  const [, beside] = await Promise.all([removeContainer(stage), find(docker, runnerId, runId)]);
  await removeFound(docker, { ...beside, stages: [] });
}

/** Resolves to the ids of the runs it removed something of. */
export async function sweepRuns(
  docker: Docker,
  runnerId: string,
  liveRuns: ReadonlySet<string>,
): Promise<readonly string[]> {
  const all = await find(docker, runnerId);
  const stale = (found: readonly Labelled[]): readonly Labelled[] =>
    found.filter(({ run }) => !liveRuns.has(run));
  const found = { stages: stale(all.stages), services: stale(all.services), networks: stale(all.networks) };
  await removeFound(docker, found);
  return [
    ...new Set([...found.stages, ...found.services, ...found.networks].map(({ run, id }) => run || id)),
  ];
}

async function removeFound(docker: Docker, { stages, services, networks }: Found): Promise<void> {
  for (const containers of [stages, services]) {
    await Promise.all(containers.map(({ id }) => removeContainer(docker.getContainer(id))));
  }
  await Promise.all(networks.map(({ id }) => removeNetwork(docker, id)));
}

async function find(docker: Docker, runnerId: string, runId?: string): Promise<Found> {
  const label = [`${runnerLabel}=${runnerId}`, ...(runId === undefined ? [] : [`${runLabel}=${runId}`])];
  const filters = { label };
  try {
    const [containers, networks] = await Promise.all([
      docker.listContainers({ all: true, filters }),
      docker.listNetworks({ filters }),
    ]);
    return {
      stages: containers.filter(({ Labels }) => Labels[serviceLabel] === undefined).map(labelled),
      services: containers.filter(({ Labels }) => Labels[serviceLabel] !== undefined).map(labelled),
      networks: networks.map(labelled),
    };
  } catch (error) {
    throw translate(error, { verb: "list what it holds of ours" });
  }
}

function labelled({ Id: id, Labels: labels }: Described): Labelled {
  return { id, run: labels?.[runLabel] ?? "" };
}

interface Described {
  readonly Id: string;
  readonly Labels?: Readonly<Record<string, string>> | undefined;
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
