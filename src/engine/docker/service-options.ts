import type { ContainerCreateOptions } from "dockerode";
import type { ServiceSpec } from "../services.ts";
import { hardening } from "./hardening.ts";
import { runLabel, runnerLabel, serviceContainerName, serviceLabel, stageLabel } from "./labels.ts";
import { resourceLimits } from "./resource-limits.ts";
import { logOptions } from "./service-log.ts";

/** What the images of databases need to own their folders and to drop root when they start. Nothing else. */
const capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/**
 * Pure. Its image's entrypoint, user and volumes hold; without an init before it, since some images want to be the first process. Its
 * healthcheck is ours to run (readiness.ts): the engine's own comes too late, and goes on for ever.
 */
export function toServiceOptions(
  spec: ServiceSpec,
  runnerId: string,
  network: string,
): ContainerCreateOptions & { name: string } {
  const { runId, stageId, alias, image } = spec;
  return {
    name: serviceContainerName(runId, alias),
    ...(image.platform === undefined ? {} : { platform: image.platform }),
    Image: image.name,
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: [...spec.entrypoint] }),
    ...(spec.command === undefined ? {} : { Cmd: [...spec.command] }),
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [runnerLabel]: runnerId,
      [runLabel]: runId,
      [stageLabel]: stageId,
      [serviceLabel]: alias,
    },
    Healthcheck: { Test: ["NONE"] },
    AttachStdout: false,
    AttachStderr: false,
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [...spec.names] } } },
    HostConfig: {
      NetworkMode: network,
      LogConfig: logOptions,
      ...hardening(capabilities),
      ...resourceLimits(spec.resources),
    },
  };
}
