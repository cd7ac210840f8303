import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Probe, untilHealthy } from "../../src/engine/healthcheck.ts";
import {
  endingOf,
  type NetworkSpec,
  type Readiness,
  type ServiceEnd,
  type ServiceLog,
  type ServiceName,
  type Services,
  type ServiceSpec,
  titleOf,
} from "../../src/engine/services.ts";
import { unlessAborted } from "../../src/shared/abort.ts";
import { messageOf, RunnerError } from "../../src/shared/errors.ts";

interface Service {
  readonly spec: ServiceSpec;
  readonly process: ChildProcess;
  readonly end: Promise<ServiceEnd>;
  ended?: ServiceEnd;
  output: string;
}

/**
 * Services without containers: each is a process group of this machine, named by its entrypoint and command, since an image that is none has
 * nothing to start. The network is a name; nobody can be reached by an alias.
 */
export class FakeServices implements Services {
  readonly #reach: () => void;
  readonly #runs = new Map<string, Map<string, Service>>();

  constructor(reach: () => void) {
    this.#reach = reach;
  }

  async connect({ runId }: NetworkSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#reach();
    if (!this.#runs.has(runId)) this.#runs.set(runId, new Map());
  }

  async start(spec: ServiceSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#reach();
    const services = this.mustBeConnected(spec.runId);
    if (services.has(spec.alias)) throw new RunnerError("conflict", "this run has such a service already");
    const [program = "", ...words] = [...(spec.entrypoint ?? []), ...(spec.command ?? [])];
    const child = spawn(program, words, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: "/usr/bin:/bin", ...spec.environment },
    });
    const end = once(child, "close").then(([code]): ServiceEnd => ({
      exitCode: Number(code ?? 137),
      outOfMemory: false,
    }));
    const service: Service = { spec, process: child, end, output: "" };
    end.then((how) => (service.ended = how)).catch(() => {});
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Buffer) => (service.output += bytes.toString("utf8")));
    }
    try {
      await once(child, "spawn");
    } catch (error) {
      throw new RunnerError("service_failed", `service ${titleOf(spec)} couldn't be started: no ${program}`, {
        cause: error,
      });
    }
    services.set(spec.alias, service);
  }

  async ready(spec: ServiceSpec, signal: AbortSignal): Promise<Readiness> {
    const service = this.#service(spec);
    const over = new AbortController();
    const ending = service.end.then((end): never => {
      throw new RunnerError(
        "service_failed",
        `service ${titleOf(spec)} ${endingOf(end)} before it was ready`,
      );
    });
    ending.catch(() => {});
    try {
      const either = AbortSignal.any([signal, over.signal]);
      return await Promise.race([this.#checked(service, either), ending]);
    } finally {
      over.abort();
    }
  }

  async ended(name: ServiceName, signal: AbortSignal): Promise<ServiceEnd> {
    return unlessAborted(this.#find(name)?.end ?? Promise.resolve(gone), signal);
  }

  async inspect(name: ServiceName, signal: AbortSignal): Promise<ServiceEnd | undefined> {
    signal.throwIfAborted();
    this.#reach();
    const service = this.#find(name);
    return service === undefined ? gone : service.ended;
  }

  async log(
    name: ServiceName,
    lastLines: number | undefined,
    signal: AbortSignal,
  ): Promise<ServiceLog | undefined> {
    signal.throwIfAborted();
    this.#reach();
    const service = this.#find(name);
    if (service === undefined) return undefined;
    const lines = service.output.split("\n");
    if (lines.at(-1) === "") lines.pop();
    return { lines: lastLines === undefined ? lines : lines.slice(-lastLines), isCut: false };
  }

  /** As `docker kill` from outside. */
  async kill(name: ServiceName): Promise<void> {
    const service = this.#service(name);
    signalAll(service);
    await service.end;
  }

  async remove(runId: string): Promise<void> {
    for (const service of this.#runs.get(runId)?.values() ?? []) {
      signalAll(service);
      await service.end;
    }
    this.#runs.delete(runId);
  }

  runs(): readonly string[] {
    return [...this.#runs.keys()];
  }

  mustBeConnected(runId: string): Map<string, Service> {
    const services = this.#runs.get(runId);
    if (services === undefined) throw new RunnerError("engine_failed", "this run has no network");
    return services;
  }

  async #checked({ spec }: Service, signal: AbortSignal): Promise<Readiness> {
    const { healthcheck } = spec;
    if (healthcheck === undefined) {
      await sleep(50, undefined, { signal });
      return { by: "running" };
    }
    const { test } = healthcheck;
    const command = typeof test === "string" ? ["sh", "-c", test] : test;
    const failed = await untilHealthy(healthcheck, (patience) => tryOnce(command, patience), signal);
    if (failed === undefined) return { by: "healthcheck" };
    throw new RunnerError("service_failed", `service ${titleOf(spec)} isn't healthy: ${failed}`);
  }

  #find({ runId, alias }: ServiceName): Service | undefined {
    return this.#runs.get(runId)?.get(alias);
  }

  #service(name: ServiceName): Service {
    this.#reach();
    const service = this.#find(name);
    if (service === undefined) throw new RunnerError("engine_failed", "no such service");
    return service;
  }
}

const gone: ServiceEnd = { exitCode: null, outOfMemory: false };

function signalAll({ process: { pid } }: Service): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // nothing of it is left
  }
}

async function tryOnce([program = "", ...words]: readonly string[], patience: AbortSignal): Promise<Probe> {
  const probe = spawn(program, words, { signal: patience, stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  probe.stdout.on("data", (bytes: Buffer) => (output += bytes.toString("utf8")));
  try {
    const [code] = await unlessAborted(once(probe, "close"), patience);
    return { succeeded: code === 0, output };
  } catch (error) {
    patience.throwIfAborted();
    return { succeeded: false, output: messageOf(error) };
  }
}
