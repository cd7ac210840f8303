import type Docker from "dockerode";
import { isNotFound, translate } from "./errors.ts";
import { removeContainer } from "./removal.ts";
import { runLabel, runnerLabel, stageLabel } from "./labels.ts";

/**
 * Empties a folder by means of a container that runs as root in it: the way out for a runner that isn't root itself,
 * when a stage left files of root. Uses the stage's image, since that one is present.
 */
export async function eraseFolder(
  docker: Docker,
  runnerId: string,
  what: { readonly folder: string; readonly image: string },
): Promise<void> {
  try {
    const container = await docker.createContainer({
      Image: what.image,
      // The folder itself can't be removed, being mounted; but it must be one that we can empty and remove.
      Entrypoint: ["sh", "-c", "chmod 0777 /erase; rm -rf /erase"],
      Cmd: [],
      User: "0",
      Labels: { [runnerLabel]: runnerId, [runLabel]: "", [stageLabel]: "" },
      HostConfig: {
        NetworkMode: "none",
        LogConfig: { Type: "none", Config: {} },
        Mounts: [{ Type: "bind", Source: what.folder, Target: "/erase" }],
        CapDrop: ["ALL"],
        CapAdd: ["DAC_OVERRIDE", "FOWNER"],
        SecurityOpt: ["no-new-privileges"],
      },
    });
    try {
      await container.start();
      await container.wait();
    } finally {
      await removeContainer(container);
    }
  } catch (error) {
    if (isNotFound(error)) return;
    throw translate(error, { verb: "empty a workspace", image: what.image });
  }
}
