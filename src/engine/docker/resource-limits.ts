import type { HostConfig } from "dockerode";
import type { ResourcesPlan } from "../../plan/plan.ts";

const processLimit = 2048;

/** For a container of its own: swap is memory, or a limit would only make it slow. */
export function resourceLimits({ cpus, memoryBytes, pids, shmBytes }: ResourcesPlan = {}): HostConfig {
  return {
    PidsLimit: pids ?? processLimit,
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(shmBytes === undefined ? {} : { ShmSize: shmBytes }),
  };
}
