import type { HealthcheckPlan, ImagePlan, ResourcesPlan } from "../plan/plan.ts";

/**
 * The containers beside a stage's: databases and the like, on a network of the run's own. Part of the seam (engine.ts).
 *
 * The life of a service: `connect`, once a run → `start` → `ready` → `ended` and `log` beside the stage, at any time. `Engine.remove`
 * and `Engine.sweep` take them away: the stage first, then its services with what they stored, then the network. A service is
 * found by run and alias, so all of it holds after a restart of the runner.
 *
 * Beside the errors of the engine there is `service_failed`, whose message names the service, its image, and why.
 */
export interface Services {
  /** Makes the run's network, before any service or the stage of the run is made. */
  connect(network: NetworkSpec, signal: AbortSignal): Promise<void>;

  /** Makes the container and starts it; its image is present. `service_failed` when it can't be started. */
  start(service: ServiceSpec, signal: AbortSignal): Promise<void>;

  /** Resolves when the script may use it, to how that is known; `service_failed` when it ended, or its time is over. */
  ready(service: ServiceSpec, signal: AbortSignal): Promise<Readiness>;

  /** Resolves once it doesn't run any more, whoever ended it. */
  ended(service: ServiceName, signal: AbortSignal): Promise<ServiceEnd>;

  /** How it ended; undefined while it runs. */
  inspect(service: ServiceName, signal: AbortSignal): Promise<ServiceEnd | undefined>;

  /** What it wrote so far, or the end of it; undefined for a service that the engine doesn't know. */
  log(
    service: ServiceName,
    lastLines: number | undefined,
    signal: AbortSignal,
  ): Promise<ServiceLog | undefined>;
}

export interface NetworkSpec {
  readonly runId: string;
  readonly stageId: string;
}

export interface ServiceName {
  readonly runId: string;
  /** Of the run's services, only one has it. */
  readonly alias: string;
}

/** All that an engine must know to make one service. */
export interface ServiceSpec extends ServiceName {
  readonly stageId: string;
  /** The host names under which the stage finds it, `alias` among them. */
  readonly names: readonly string[];
  readonly image: ImagePlan;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** Seen by whoever may inspect the engine's containers. */
  readonly environment: Readonly<Record<string, string>>;
  readonly healthcheck?: HealthcheckPlan;
  /** The stage's own; they hold for each of its services as well. */
  readonly resources?: ResourcesPlan;
}

/** `port`: one that its image exposes accepts connections. `unknown`: it runs, and no more can be known of it from here. */
export type Readiness =
  | { readonly by: "healthcheck" | "image" | "running" | "unknown" }
  | { readonly by: "port"; readonly port: number };

export interface ServiceEnd {
  /** null when the engine no longer knows it. */
  readonly exitCode: number | null;
  readonly outOfMemory: boolean;
}

export interface ServiceLog {
  /** Oldest first, both streams, bytes that aren't UTF-8 as U+FFFD. */
  readonly lines: readonly string[];
  /** The engine has let go of what came before. */
  readonly isCut: boolean;
}

/** "db (postgres:16)", for messages. */
export function titleOf({ alias, image }: Pick<ServiceSpec, "alias" | "image">): string {
  return `${alias} (${image.name})`;
}

/** The end of a sentence that begins with a service. */
export function endingOf({ exitCode, outOfMemory }: ServiceEnd): string {
  if (outOfMemory) return "was killed for want of memory";
  return exitCode === null ? "was removed by somebody else" : `ended with exit code ${String(exitCode)}`;
}
