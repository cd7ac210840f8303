import type Docker from "dockerode";
import { RunnerError, messageOf } from "../../shared/errors.ts";
import type { NetworkSpec } from "../services.ts";
import { isNotFound, translate } from "./errors.ts";
import { networkName, runLabel, runnerLabel, stageLabel } from "./labels.ts";

const verb = "make the network of the run's services";
const triesForASubnet = 16;

/**
 * Makes the run's network where the engine would make it, and resolves to its name. The engine's pools are for about 30 networks;
 * when they are used up, the network gets a small subnet out of 198.18.0.0/15, which is nobody's: so hundreds of runs may have
 * services at the same time.
 */
export async function makeNetwork(docker: Docker, runnerId: string, spec: NetworkSpec): Promise<string> {
  try {
    return await create(docker, runnerId, spec);
  } catch (error) {
    if (!isExhausted(error)) throw translate(error, { verb });
    return createSmall(docker, runnerId, spec);
  }
}

/** Which of them are taken, the engine alone knows: other runners may ask it as well. */
async function createSmall(docker: Docker, runnerId: string, spec: NetworkSpec): Promise<string> {
  for (let tries = 0; tries < triesForASubnet; tries += 1) {
    try {
      return await create(docker, runnerId, spec, randomSubnet());
    } catch (error) {
      if (!/overlap/i.test(messageOf(error))) throw translate(error, { verb });
    }
  }
  throw new RunnerError(
    "engine_failed",
    "the Docker Engine has no address left for the network of the run's services; remove networks that nobody uses " +
      "(docker network prune), or give it more default-address-pools in daemon.json",
  );
}

async function create(docker: Docker, runnerId: string, spec: NetworkSpec, subnet?: string): Promise<string> {
  const name = networkName(spec.runId);
  await docker.createNetwork({
    Name: name,
    CheckDuplicate: true,
    Labels: { [runnerLabel]: runnerId, [runLabel]: spec.runId, [stageLabel]: spec.stageId },
    ...(subnet === undefined ? {} : { IPAM: { Driver: "default", Config: [{ Subnet: subnet }] } }),
  });
  return name;
}

/** No error when there is none. */
export async function removeNetwork(docker: Docker, id: string): Promise<void> {
  try {
    await docker.getNetwork(id).remove();
  } catch (error) {
    if (!isNotFound(error)) throw translate(error, { verb: "remove the network of the run's services" });
  }
}

/** One of the 4096 with 30 addresses: the most that a stage, 20 services and a gateway need. */
export function randomSubnet(random: () => number = Math.random): string {
  const index = Math.floor(random() * 4096);
  return `198.${String(18 + (index >> 11))}.${String((index >> 3) & 255)}.${String((index & 7) * 32)}/27`;
}

function isExhausted(error: unknown): boolean {
  return /non-overlapping IPv4|fully subnetted|no available.*(pool|subnet)/i.test(messageOf(error));
}
