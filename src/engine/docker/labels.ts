/** Every object that we make bears these, and only what bears ours is ever removed. */
export const runnerLabel = "dev.gitfoss.runner";
export const runLabel = "dev.gitfoss.run";
export const stageLabel = "dev.gitfoss.stage";

/** The name is the lock: a second container for the same run is refused by the engine. */
export function containerName(runId: string): string {
  return `gitfoss-${runId}`;
}
