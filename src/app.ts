import type { Address, ApiOptions } from "./api/server.ts";
import type { Engine } from "./engine/engine.ts";
import type { RunnerSettings } from "./runner/context.ts";
import type { Runner } from "./runner/runner.ts";
import { systemClock } from "./shared/clock.ts";
import { messageOf } from "./shared/errors.ts";
import type { Logger } from "./shared/log.ts";
import type { Config } from "./store/config.ts";
import type { Store } from "./store/store.ts";

const pingTimeoutMs = 5000;

/*
 * Joins the parts. They are loaded when they are needed, and in parallel: `exec` must not wait for an HTTP server, and
 * the first word to the engine must not wait for anything.
 */

export interface LocalRunner {
  readonly store: Store;
  readonly runner: Runner;
  /** Takes no more, and resolves when nothing of ours is left in the engine. */
  close(): Promise<void>;
}

export interface LocalRunnerOptions {
  /** A folder of its own, closed to others. The caller removes it. */
  readonly folder: string;
  /** For what later ones of this user may use again; made when there's something. */
  readonly lasting: string;
  /** What its containers are labelled with. */
  readonly runnerId: string;
  readonly version: string;
  readonly concurrency: number;
  readonly graceMs: number;
  readonly cacheLimit: number;
  readonly log: Logger;
}

/** A runner for one `exec`. Throws `engine_unreachable`. */
export async function openExec(options: LocalRunnerOptions, signal: AbortSignal): Promise<LocalRunner> {
  const [{ DockerEngine }, { Store }, { Runner }] = await loadParts();
  const engine = new DockerEngine({ runnerId: options.runnerId });
  const opened = Store.open({
    folder: options.folder,
    lasting: options.lasting,
    durable: false,
    clock: systemClock,
    warn: warner(options.log),
  });
  const [store] = await Promise.all([opened, engine.ping(signal)]);
  const settings: RunnerSettings = {
    concurrency: options.concurrency,
    queueLimit: Infinity,
    // The user's own repositories, wherever they lie.
    repoRoots: ["/"],
    graceMs: options.graceMs,
    runnerId: options.runnerId,
    version: options.version,
    ephemeral: true,
    cacheLimit: options.cacheLimit,
  };
  const runner = new Runner({
    engine,
    store,
    clock: systemClock,
    log: options.log,
    settings: () => settings,
  });
  await runner.start();
  return {
    store,
    runner,
    async close() {
      await runner.idle();
      await runner.stop();
      await store.close();
    },
  };
}

function loadParts() {
  return Promise.all([
    import("./engine/docker/docker-engine.ts"),
    import("./store/store.ts"),
    import("./runner/runner.ts"),
  ]);
}

export interface Daemon {
  /** Where the API is reached. */
  readonly urls: readonly string[];
  /** Takes no more triggers; resolves when nothing waits or runs. The API goes on answering. */
  drain(): Promise<void>;
  /** Takes no more, ends the streams, leaves what runs running for the next daemon, frees the folder. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  /** The state folder. */
  readonly folder: string;
  readonly addresses: readonly Address[];
  /** Both are asked at every request and decision, so that a new configuration counts at once. */
  readonly config: () => Config;
  readonly concurrency: () => number;
  readonly runnerId: string;
  readonly version: { readonly version: string; readonly commit: string };
  readonly log: Logger;
}

type Closer = () => Promise<void>;

/**
 * Takes over what an earlier daemon left running, then serves the API. Throws `state_locked`, `conflict` for an
 * address in use; nothing stays half open then. An engine out of reach is a warning: runs wait for it.
 */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const closers: Closer[] = [];
  const closeAll: Closer = async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const parts = await openRunner(options, closers);
    const urls = await serve(options, parts, closers);
    return {
      urls,
      drain() {
        parts.runner.refuse();
        return parts.runner.idle();
      },
      stop() {
        parts.runner.refuse();
        return closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface Parts {
  readonly engine: Engine;
  readonly store: Store;
  readonly runner: Runner;
}

async function openRunner(options: DaemonOptions, closers: Closer[]): Promise<Parts> {
  const { lockFolder } = await import("./store/lock.ts");
  const lock = await lockFolder(options.folder);
  closers.push(() => lock.release());
  const [{ DockerEngine }, { Store }, { Runner }] = await loadParts();
  const engine = new DockerEngine({ runnerId: options.runnerId });
  void warnIfAway(engine, options.log);
  const store = await Store.open({
    folder: options.folder,
    durable: true,
    clock: systemClock,
    warn: warner(options.log),
  });
  closers.push(() => store.close());
  const { keepHouse } = await import("./runner/housekeeping.ts");
  closers.push(keepHouse({ store, log: options.log }));
  const settings = () => daemonSettings(options);
  const runner = new Runner({ engine, store, clock: systemClock, log: options.log, settings });
  closers.push(() => runner.stop());
  await runner.start();
  return { engine, store, runner };
}

function daemonSettings({ config, concurrency, runnerId, version }: DaemonOptions): RunnerSettings {
  const { queueLimit, grace, repoRoots } = config();
  return {
    concurrency: concurrency(),
    queueLimit,
    repoRoots,
    graceMs: grace * 1000,
    runnerId,
    version: version.version,
    ephemeral: false,
    cacheLimit: config().cacheLimit,
  };
}

async function serve(
  { config, version, log, addresses }: DaemonOptions,
  { engine, runner, store }: Parts,
  closers: Closer[],
): Promise<readonly string[]> {
  const [{ createApi }, { freshenServiceLog: freshen }] = await Promise.all([
    import("./api/server.ts"),
    import("./runner/services/service-log.ts"),
  ]);
  const freshenServiceLog: ApiOptions["freshenServiceLog"] = ({ runId }, alias, signal) =>
    freshen({ runId, alias }, { engine, store }, signal);
  const api = createApi({ runner, store, config, version, log, freshenServiceLog });
  const urls: string[] = [];
  for (const address of addresses) {
    const server = await api.listen(address);
    closers.push(() => server.stop());
    urls.push(server.url);
  }
  return urls;
}

async function warnIfAway(engine: Engine, log: Logger): Promise<void> {
  try {
    await engine.ping(AbortSignal.timeout(pingTimeoutMs));
  } catch (error) {
    log.warn("the engine is out of reach; runs wait for it", { error: messageOf(error) });
  }
}

function warner(log: Logger): (message: string) => void {
  return (message) => log.warn(message);
}
