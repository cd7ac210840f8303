import Docker from "dockerode";
import { DockerEngine } from "../../src/engine/docker/docker-engine.ts";
import { engineContract } from "../support/engine-contract.ts";
import { images, requireImages } from "../support/images.ts";

engineContract({
  name: "the Docker Engine",
  image: images.busybox,
  shell: "sh",
  open: async () => {
    await requireImages("busybox");
    return new DockerEngine({ runnerId: `contract-${String(process.pid)}` });
  },
  killFromOutside: async (_, handle) => {
    await new Docker().getContainer(handle.container).kill();
  },
  killService: async (_, { runId, alias }) => {
    await new Docker().getContainer(`gitfoss-${runId}-${alias}`).kill();
  },
  roomIsMounted: true,
  limits: true,
  roomInside: () => "/gitfoss",
});
