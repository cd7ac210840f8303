import { availableParallelism } from "node:os";
import { openDaemon, type Daemon } from "../app.ts";
import { messageOf, RunnerError } from "../shared/errors.ts";
import { createLogger, type Logger } from "../shared/log.ts";
import { COMMIT, VERSION } from "../shared/version.ts";
import { configIsExposed, loadConfig, type Config } from "../store/config.ts";
import type { Arguments, Flag } from "./arguments.ts";
import { programName, strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { defaultListen, isPublic, readAddresses } from "./listen.ts";
import { readWholeNumber } from "./numbers.ts";
import { ownStateFolder, stateDirFlag } from "./state-folder.ts";

/** How long closing may take before the process ends all the same. */
const stopTimeoutMs = 5000;

const flags = {
  listen: { kind: "text", value: "HOST:PORT", about: `where the API is served (default: ${defaultListen})` },
  socket: {
    kind: "text",
    value: "FILE",
    about: "serve it on a unix socket; alone it takes the port's place",
  },
  concurrency: {
    kind: "text",
    value: "N",
    about: "how many stages side by side (default: as configured, else cores)",
  },
  "state-dir": stateDirFlag,
} as const satisfies Readonly<Record<string, Flag>>;

export const command = strictCommand({
  name: "run",
  summary: "Serves the API and runs what the forge triggers, until it is told to stop.",
  maxOperands: 0,
  flags,
  notes: [
    "TERM, INT: stop at once; what runs goes on, and the next run takes it over.",
    "QUIT: take no more triggers, stop when nothing runs. HUP: read config.json anew.",
    "Exit code: 75 the port or the state folder is in use, 78 not registered.",
  ],
  examples: ["run --listen 0.0.0.0:4483 --concurrency 4"],
  run: serve,
});

async function serve(args: Arguments<typeof flags>): Promise<number> {
  const addresses = readAddresses(args.text("listen"), args.text("socket"));
  const jobs = readWholeNumber("--concurrency", args.text("concurrency"), { least: 1, most: 1000 });
  const folder = ownStateFolder(args.text("state-dir"));
  const log = createLogger();
  log.info(`state folder ${folder}`, { version: VERSION, commit: COMMIT });

  let config = await loadRegistered(folder);
  warnOfDoubts(folder, config, log);
  if (addresses.some(isPublic))
    log.warn("the API is reachable from other machines, in plain HTTP; put TLS before it");
  const signals = new DaemonSignals();
  signals.onReload(async () => {
    config = await reloaded(folder, config, log);
  });
  const opening = openDaemon({
    folder,
    addresses,
    config: () => config,
    concurrency: () => jobs ?? config.concurrency ?? availableParallelism(),
    runnerId: config.registration.id,
    version: { version: VERSION, commit: COMMIT },
    log,
  });
  const daemon = await Promise.race([opening, signals.stopped]);
  if (daemon === undefined) return exit.ok; // told to stop before it had begun
  log.info(`serving ${daemon.urls.join(" and ")}`);
  await untilToldToStop(daemon, signals, log);
  await Promise.race([daemon.stop(), Bun.sleep(stopTimeoutMs)]);
  log.info("stopped");
  return exit.ok;
}

async function untilToldToStop(daemon: Daemon, signals: DaemonSignals, log: Logger): Promise<void> {
  await Promise.race([signals.stopped, signals.draining]);
  if (!signals.isDraining) return;
  log.info("taking no more triggers; stopping when nothing runs");
  await Promise.race([signals.stopped, daemon.drain()]);
}

type RegisteredConfig = Config & { readonly registration: NonNullable<Config["registration"]> };

async function loadRegistered(folder: string): Promise<RegisteredConfig> {
  const config = await loadConfig(folder);
  if (!isRegistered(config)) {
    throw new RunnerError(
      "not_registered",
      `this runner isn't registered; ${programName} register does that`,
    );
  }
  return config;
}

function isRegistered(config: Config): config is RegisteredConfig {
  return config.registration !== null;
}

async function reloaded(folder: string, before: RegisteredConfig, log: Logger): Promise<RegisteredConfig> {
  try {
    const config = await loadRegistered(folder);
    if (config.registration.id !== before.registration.id) {
      throw new RunnerError("config_invalid", "it belongs to another registration; that takes a new start");
    }
    log.info("read the configuration again");
    return config;
  } catch (error) {
    log.error("the new configuration is refused, the old one stays", { error: messageOf(error) });
    return before;
  }
}

function warnOfDoubts(folder: string, { repoRoots }: Config, log: Logger): void {
  if (repoRoots.length === 0) {
    log.warn(
      `no repository roots are configured, so every trigger is refused; ${programName} config set repoRoots DIR`,
    );
  }
  if (configIsExposed(folder)) log.warn("config.json holds the token and is open to others; chmod 600 it");
}

/** TERM and INT, QUIT, and HUP, from the moment it is made. */
class DaemonSignals {
  readonly #stop = Promise.withResolvers<undefined>();
  readonly #drain = Promise.withResolvers<undefined>();
  isDraining = false;

  constructor() {
    process.on("SIGTERM", () => this.#stop.resolve(undefined));
    process.on("SIGINT", () => this.#stop.resolve(undefined));
    process.on("SIGQUIT", () => {
      this.isDraining = true;
      this.#drain.resolve(undefined);
    });
  }

  get stopped(): Promise<undefined> {
    return this.#stop.promise;
  }

  get draining(): Promise<undefined> {
    return this.#drain.promise;
  }

  /** One reading at a time, in the order of the signals. */
  onReload(reload: () => Promise<void>): void {
    let last: Promise<void> = Promise.resolve();
    process.on("SIGHUP", () => {
      last = last.then(reload);
    });
  }
}
