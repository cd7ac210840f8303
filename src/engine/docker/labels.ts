import { randomBytes } from "node:crypto";

/** Every object that we make bears these, and only what bears ours is ever removed. */
export const runnerLabel = "dev.gitfoss.runner";
export const runLabel = "dev.gitfoss.run";
export const stageLabel = "dev.gitfoss.stage";
/** A service's container bears its alias beside them. */
export const serviceLabel = "dev.gitfoss.service";

/** The name is the lock: a second container for the same run is refused by the engine. */
export function containerName(runId: string): string {
  return `gitfoss-${runId}`;
}

export function serviceContainerName(runId: string, alias: string): string {
  return `${containerName(runId)}-${alias}`;
}

/**
 * Of the run's own network, another one each time: the engine lets two have one name and can then tell them apart no more, and
 * a process that was killed may still get the one that it asked for.
 */
export function networkName(runId: string): string {
  return `gitfoss-${runId}-${randomBytes(3).toString("hex")}`;
}
