import type Docker from "dockerode";
import type { ContainerCreateOptions } from "dockerode";
import { isAlreadySo, isNotFound } from "./errors.ts";
import { runLabel, runnerLabel } from "./labels.ts";
import { removeContainer } from "./removal.ts";

/**
 * The container's name is a lock. One that has it but was never started was asked for by a process of ours that was killed
 * before the engine had made it, and so came after all that is removed at a start: it makes way. Throws the engine's errors.
 */
export async function createContainer(
  docker: Docker,
  options: ContainerCreateOptions & { name: string },
): Promise<Docker.Container> {
  try {
    return await docker.createContainer(options);
  } catch (error) {
    if (!isAlreadySo(error) || !(await isStray(docker, options))) throw error;
    await removeContainer(docker.getContainer(options.name));
    return docker.createContainer(options);
  }
}

async function isStray(
  docker: Docker,
  { name, Labels: ours }: ContainerCreateOptions & { name: string },
): Promise<boolean> {
  try {
    const { State: state, Config: config } = await docker.getContainer(name).inspect();
    const isOurs = [runnerLabel, runLabel].every((label) => config.Labels[label] === ours?.[label]);
    return isOurs && state.Status === "created";
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}
