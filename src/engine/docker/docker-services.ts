import type Docker from "dockerode";
import { pause, unlessAborted } from "../../shared/abort.ts";
import { messageOf, RunnerError } from "../../shared/errors.ts";
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
} from "../services.ts";
import { createContainer } from "./create.ts";
import { isNotFound, translate } from "./errors.ts";
import { serviceContainerName } from "./labels.ts";
import { makeNetwork } from "./network.ts";
import { untilReady } from "./readiness.ts";
import { readServiceLog } from "./service-log.ts";
import { toServiceOptions } from "./service-options.ts";

const retryMs = 500;

/** Services as containers of the Docker Engine. Their removal is the stage's: see removal.ts. */
export class DockerServices implements Services {
  readonly #docker: Docker;
  readonly #runnerId: string;
  /** By run. */
  readonly #networks = new Map<string, string>();

  constructor(docker: Docker, runnerId: string) {
    this.#docker = docker;
    this.#runnerId = runnerId;
  }

  async connect(network: NetworkSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#networks.set(network.runId, await makeNetwork(this.#docker, this.#runnerId, network));
  }

  /** What its stage is on; undefined when it has none. */
  networkOf(runId: string): string | undefined {
    return this.#networks.get(runId);
  }

  /** It's about to be removed. */
  forget(runId: string): void {
    this.#networks.delete(runId);
  }

  /** What was asked of the engine is waited for although `signal` may be aborted: else it could come after the removal. */
  async start(service: ServiceSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const network = this.#networks.get(service.runId);
    if (network === undefined) throw new RunnerError("engine_failed", "the run has no network");
    const options = toServiceOptions(service, this.#runnerId, network);
    try {
      const container = await createContainer(this.#docker, options);
      signal.throwIfAborted();
      await container.start();
    } catch (error) {
      signal.throwIfAborted();
      throw startError(error, service);
    }
  }

  /** Its end and the wait for it end each other. */
  async ready(service: ServiceSpec, signal: AbortSignal): Promise<Readiness> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const ending = this.#failedByEnding(service, either);
    ending.catch(() => {}); // whoever comes first is awaited
    try {
      return await Promise.race([this.#untilReady(service, ending, either), ending]);
    } finally {
      over.abort(new Error("the wait is over"));
    }
  }

  async #failedByEnding(service: ServiceSpec, signal: AbortSignal): Promise<never> {
    const end = await this.ended(service, signal);
    throw new RunnerError(
      "service_failed",
      `service ${titleOf(service)} ${endingOf(end)} before it was ready`,
    );
  }

  /** A check in a container that has just ended fails in many ways; then the end is the reason. */
  async #untilReady(service: ServiceSpec, ending: Promise<never>, signal: AbortSignal): Promise<Readiness> {
    try {
      return await untilReady(this.#docker, this.#container(service), service, signal);
    } catch (error) {
      signal.throwIfAborted();
      const translated = translate(error, { verb: `look after service ${titleOf(service)}` });
      const isExpected = translated.code === "service_failed" || translated.code === "engine_unreachable";
      if (!isExpected && (await this.inspect(service, signal)) !== undefined) return ending;
      throw translated;
    }
  }

  async ended(service: ServiceName, signal: AbortSignal): Promise<ServiceEnd> {
    const container = this.#container(service);
    for (;;) {
      signal.throwIfAborted();
      try {
        await unlessAborted(container.wait({ condition: "not-running", abortSignal: signal }), signal);
        const end = await this.inspect(service, signal);
        if (end !== undefined) return end;
      } catch (error) {
        signal.throwIfAborted();
        if (isNotFound(error)) return gone;
        await pause(retryMs, signal); // the engine is away; whether the service is, it will say
      }
    }
  }

  async inspect(service: ServiceName, signal: AbortSignal): Promise<ServiceEnd | undefined> {
    try {
      const { State: state } = await unlessAborted(this.#container(service).inspect(), signal);
      return state.Running ? undefined : { exitCode: state.ExitCode, outOfMemory: state.OOMKilled };
    } catch (error) {
      signal.throwIfAborted();
      if (isNotFound(error)) return gone;
      throw translate(error, { verb: "inspect a service" });
    }
  }

  log(
    service: ServiceName,
    lastLines: number | undefined,
    signal: AbortSignal,
  ): Promise<ServiceLog | undefined> {
    return readServiceLog(this.#container(service), lastLines, signal);
  }

  #container({ runId, alias }: ServiceName): Docker.Container {
    return this.#docker.getContainer(serviceContainerName(runId, alias));
  }
}

const gone: ServiceEnd = { exitCode: null, outOfMemory: false };

/** An entrypoint that isn't there is the service's own failure. */
function startError(error: unknown, service: ServiceSpec): RunnerError {
  const translated = translate(error, {
    verb: `start service ${titleOf(service)}`,
    image: service.image.name,
  });
  if (translated.code === "engine_unreachable" || translated.code === "conflict") return translated;
  if (translated.code === "image_unavailable" && isNotFound(error)) return translated;
  const said = messageOf(translated).replace(/^.*?: /, "");
  return new RunnerError("service_failed", `service ${titleOf(service)} couldn't be started: ${said}`, {
    cause: error,
  });
}
