import type Docker from "dockerode";
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { RunnerError } from "../../shared/errors.ts";
import { pause, unlessAborted } from "../../shared/abort.ts";
import { type Pace, type Probe, untilHealthy } from "../healthcheck.ts";
import { type Readiness, type ServiceSpec, titleOf } from "../services.ts";
import { listeningPorts } from "./listening.ts";
import { runInside } from "./run-inside.ts";

/** A service that says nothing of itself is given so long to fall over. */
const momentMs = 250;
const shortestPauseMs = 5;
const longestPauseMs = 100;
const portPatienceMs = 120_000;

/** The manifest's healthcheck, else the image's, else a port that the image exposes, else that it runs for a moment. */
export async function untilReady(
  docker: Docker,
  container: Docker.Container,
  spec: ServiceSpec,
  signal: AbortSignal,
): Promise<Readiness> {
  const made = await unlessAborted(container.inspect(), signal);
  const { Config: config } = await unlessAborted(docker.getImage(made.Image).inspect(), signal);
  const check = spec.healthcheck === undefined ? ofImage(config) : ofManifest(spec.healthcheck, config);
  if (check !== undefined) {
    await untilChecked({ container, check, spec }, signal);
    return { by: spec.healthcheck === undefined ? "image" : "healthcheck" };
  }
  const ports = tcpPorts(made);
  if (ports.length === 0) {
    await pause(momentMs, signal);
    return { by: "running" };
  }
  const pid = made.State.Pid;
  return untilListening({ inside: { container, pid, id: made.Id }, ports, spec }, signal);
}

interface Check extends Pace {
  readonly command: readonly string[];
}

type ImageConfig = ImageInspectInfo["Config"] & { readonly Shell?: readonly string[] | null };

function ofManifest({ test, ...pace }: NonNullable<ServiceSpec["healthcheck"]>, config: ImageConfig): Check {
  return { ...pace, command: typeof test === "string" ? [...shellOf(config), test] : test };
}

/** What it leaves out is the Docker Engine's own, and its times are nanoseconds. */
function ofImage(config: ImageConfig): Check | undefined {
  const { Test: test = [], Interval, Timeout, Retries, StartPeriod } = config.Healthcheck ?? {};
  const command = commandOf(test, config);
  return (
    command && {
      command,
      intervalSeconds: (Interval || 30e9) / 1e9,
      timeoutSeconds: (Timeout || 30e9) / 1e9,
      retries: Retries || 3,
      startSeconds: (StartPeriod ?? 0) / 1e9,
    }
  );
}

function commandOf([kind, ...words]: readonly string[], config: ImageConfig): readonly string[] | undefined {
  if (words.length === 0) return undefined;
  if (kind === "CMD") return words;
  return kind === "CMD-SHELL" ? [...shellOf(config), ...words] : undefined;
}

function shellOf({ Shell: shell }: ImageConfig): readonly string[] {
  return shell ?? ["/bin/sh", "-c"];
}

async function untilChecked(
  checked: { readonly container: Docker.Container; readonly check: Check; readonly spec: ServiceSpec },
  signal: AbortSignal,
): Promise<void> {
  const { container, check, spec } = checked;
  const probe = async (patience: AbortSignal): Promise<Probe> => {
    const { exitCode, output } = await runInside(container, check.command, patience);
    return { succeeded: exitCode === 0, output };
  };
  const failed = await untilHealthy(check, probe, signal);
  if (failed === undefined) return;
  const tries = check.retries === 1 ? "once" : `${String(check.retries)} times in a row`;
  const said = oneLine(failed);
  throw new RunnerError(
    "service_failed",
    `service ${titleOf(spec)} isn't healthy: its healthcheck failed ${tries}${said === "" ? "" : `, the last time with: ${said}`}`,
  );
}

async function untilListening(
  wanted: {
    readonly inside: Parameters<typeof listeningPorts>[0];
    readonly ports: readonly number[];
    readonly spec: ServiceSpec;
  },
  signal: AbortSignal,
): Promise<Readiness> {
  const { inside, ports, spec } = wanted;
  const deadline = performance.now() + portPatienceMs;
  let pauseMs = shortestPauseMs;
  for (;;) {
    const open = await listeningPorts(inside, signal);
    if (open === undefined) return { by: "unknown" };
    const port = ports.find((wantedPort) => open.includes(wantedPort));
    if (port !== undefined) return { by: "port", port };
    if (performance.now() > deadline) throw notListening(spec, ports);
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
  }
}

function notListening(spec: ServiceSpec, ports: readonly number[]): RunnerError {
  const named =
    ports.length === 1 ? `port ${String(ports[0])}, which` : `any of the ports ${ports.join(", ")}, which`;
  const seconds = String(portPatienceMs / 1000);
  return new RunnerError(
    "service_failed",
    `service ${titleOf(spec)} doesn't accept connections at ${named} its image exposes, after ${seconds} s; ` +
      "give it a healthcheck if that isn't what to wait for",
  );
}

/** The image's, and nothing else: a service can't be given ports in the manifest. */
function tcpPorts({ Config: { ExposedPorts: exposed } }: ContainerInspectInfo): number[] {
  return Object.keys(exposed ?? {})
    .flatMap((port) => /^(\d+)(?:\/tcp)?$/.exec(port)?.[1] ?? [])
    .map(Number);
}

const longestSaid = 300;

function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length > longestSaid ? `${line.slice(0, longestSaid)}…` : line;
}
