import type { ContainerCreateOptions, MountSettings } from "dockerode";
import type { StageSpec } from "../engine.ts";
import { secretsFolderBytes } from "../room/delivery.ts";
import { readOnlyFiles, writableFiles } from "../room/room.ts";
import { hardening } from "./hardening.ts";
import { containerName, runLabel, runnerLabel, stageLabel } from "./labels.ts";
import { resourceLimits } from "./resource-limits.ts";

/** What the stage sees. */
export const places = { room: "/gitfoss", workspace: "/workspace", secrets: "/gitfoss/secrets" } as const;

/** What a build needs as root: to write files of other owners, to change owner and user, to signal. Nothing else. */
const capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"];

/** Pure. Never privileged, never with the engine's socket, never with a folder of the host but the workspace. */
export function toContainerOptions(
  spec: StageSpec,
  runnerId: string,
  network: string | undefined,
): ContainerCreateOptions & { name: string } {
  return {
    name: containerName(spec.runId),
    ...(spec.image.platform === undefined ? {} : { platform: spec.image.platform }),
    Image: spec.image.name,
    Entrypoint: [spec.shell, `${places.room}/boot`],
    Cmd: [],
    WorkingDir: places.workspace,
    ...(spec.user === undefined ? {} : { User: spec.user }),
    Labels: { [runnerLabel]: runnerId, [runLabel]: spec.runId, [stageLabel]: spec.stageId },
    Healthcheck: { Test: ["NONE"] },
    AttachStdout: false,
    AttachStderr: false,
    HostConfig: {
      Mounts: mounts(spec),
      ...networkOf(spec, network),
      ...resourceLimits(spec.resources),
      Init: true,
      AutoRemove: spec.ephemeral,
      LogConfig: { Type: "none", Config: {} },
      ...hardening(capabilities),
    },
  };
}

/** `own`: the run's own, with its services, which reaches nothing else when the stage's network is none. */
function networkOf(spec: StageSpec, own: string | undefined): { readonly NetworkMode?: string } {
  const network = own ?? spec.network;
  return network === undefined ? {} : { NetworkMode: network };
}

function mounts(spec: StageSpec): MountSettings[] {
  const roomFile = (name: string, readOnly: boolean): MountSettings => ({
    Type: "bind",
    Source: `${spec.room}/${name}`,
    Target: `${places.room}/${name}`,
    ReadOnly: readOnly,
  });
  return [
    { Type: "bind", Source: spec.workspace, Target: places.workspace },
    ...readOnlyFiles.map((name) => roomFile(name, true)),
    ...writableFiles.map((name) => roomFile(name, false)),
    inMemory,
  ];
}

/** Whoever the stage runs as makes its own files in it, closed to others. */
const inMemory: MountSettings = {
  Type: "tmpfs",
  Source: "",
  Target: places.secrets,
  TmpfsOptions: { SizeBytes: secretsFolderBytes, Mode: 0o1777 },
};
