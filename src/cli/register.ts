import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { registerRunner, type Registered } from "../forge/register.ts";
import { timestamp } from "../shared/clock.ts";
import { messageOf, RunnerError } from "../shared/errors.ts";
import { VERSION } from "../shared/version.ts";
import { loadConfig, saveConfig, type Config, type Registration } from "../store/config.ts";
import { lockFolder } from "../store/lock.ts";
import { usage, type Arguments, type Flag } from "./arguments.ts";
import { programName, strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { interruptible } from "./interruption.ts";
import { readNonce } from "./nonce.ts";
import { writeErr, writeOut } from "./output.ts";
import { quoted } from "./printable.ts";
import { resolveRepoRoots } from "./repo-roots.ts";
import { ownStateFolder, stateDirFlag } from "./state-folder.ts";

const defaultForge = "https://ci.gitfoss.dev";

const flags = {
  nonce: { kind: "text", value: "N", about: "from the forge's register page; it is good for once" },
  "nonce-file": { kind: "text", value: "FILE", about: "read it from a file, - for stdin" },
  url: { kind: "text", value: "URL", about: `the forge (default: ${defaultForge})` },
  name: { kind: "text", value: "NAME", about: "what the forge shows (default: this machine's name)" },
  offline: { kind: "boolean", about: "register with nobody, for a runner without a forge" },
  "repo-root": {
    kind: "list",
    value: "DIR",
    separator: ":",
    about: "where the forge's repositories lie (repeatable)",
  },
  "state-dir": stateDirFlag,
} as const satisfies Readonly<Record<string, Flag>>;

export const command = strictCommand({
  name: "register",
  summary: "Registers this runner with the forge, and prints the token of its API.",
  maxOperands: 0,
  flags,
  notes: ["Already registered there: says so, takes over --repo-root, exit code 0."],
  examples: ["register --nonce=12345ABCDEF --repo-root=/srv/git"],
  run: (args) => interruptible((signal) => register(args, signal)),
});

interface Wanted {
  /** Empty offline. */
  readonly forge: string;
  readonly name: string;
  readonly repoRoots: readonly string[];
}

async function register(args: Arguments<typeof flags>, signal: AbortSignal): Promise<number> {
  const wanted = await readWanted(args);
  const folder = ownStateFolder(args.text("state-dir"));
  const before = await loadConfig(folder);
  if (before.registration !== null) return keepRegistration(folder, before, wanted);

  const nonce = wanted.forge === "" ? "" : await readNonce(args.text("nonce"), args.text("nonce-file"));
  // Held while we talk to the forge: it proves that the folder can be written before the nonce is spent.
  const lock = await lockFolder(folder);
  try {
    const config = await loadConfig(folder);
    if (config.registration !== null) return await keepRegistration(folder, config, wanted);
    const registration = await registerAt(wanted, nonce, signal);
    await save(folder, { ...config, ...rootsOf(wanted), registration });
    await announce(registration);
    return exit.ok;
  } finally {
    await lock.release();
  }
}

async function readWanted(args: Arguments<typeof flags>): Promise<Wanted> {
  const offline = args.is("offline");
  for (const name of ["url", "nonce", "nonce-file"] as const) {
    if (offline && args.text(name) !== undefined) throw usage(`--offline and --${name} exclude each other`);
  }
  const name = args.text("name") ?? hostname();
  if (name.trim() === "") throw usage("--name is empty");
  return {
    forge: offline ? "" : (args.text("url") ?? defaultForge),
    name,
    repoRoots: await resolveRepoRoots(args.list("repo-root")),
  };
}

async function keepRegistration(folder: string, config: Config, wanted: Wanted): Promise<number> {
  const forge = config.registration?.forge ?? "";
  const where = forge === "" ? "offline" : `with ${quoted(forge)}`;
  if (!sameForge(forge, wanted.forge)) {
    const file = join(folder, "config.json");
    throw usage(
      `this runner is already registered ${where}; to start anew remove ${file}, or name another folder with --state-dir`,
    );
  }
  await writeErr(`already registered ${where}; nothing was registered anew\n`);
  if (wanted.repoRoots.length > 0) {
    await saveConfig(folder, { ...config, repoRoots: wanted.repoRoots });
    await writeErr("the repository roots are updated; a running daemon reads them at SIGHUP\n");
  }
  return exit.ok;
}

async function registerAt(wanted: Wanted, nonce: string, signal: AbortSignal): Promise<Registration> {
  const token = `gfr_${randomBytes(32).toString("base64url")}`;
  const registered =
    wanted.forge === "" ? registerNowhere(token) : await askForge(wanted, { nonce, token }, signal);
  signal.throwIfAborted();
  return { ...registered, forge: wanted.forge, registeredAt: timestamp(Date.now()) };
}

function registerNowhere(token: string): Registered {
  return { id: `offline-${Bun.randomUUIDv7()}`, token, url: "" };
}

function askForge(
  { forge, name }: Wanted,
  secrets: { readonly nonce: string; readonly token: string },
  signal: AbortSignal,
): Promise<Registered> {
  const machine = { version: VERSION, os: process.platform, arch: process.arch };
  return registerRunner({ forge, name, ...secrets, ...machine }, signal);
}

async function save(folder: string, config: Config): Promise<void> {
  try {
    await saveConfig(folder, config);
  } catch (error) {
    const code = error instanceof RunnerError ? error.code : "state_unwritable";
    const message = `the forge has registered this runner, but that can't be kept: ${messageOf(error)}; ask for a new nonce`;
    throw new RunnerError(code, message, { cause: error });
  }
}

/** The two lines of the mission's README, on stdout; the next step beside them, on stderr. */
async function announce({ token }: Registration): Promise<void> {
  await writeOut(`# GitFOSS CI runner registered successfully.\n# GitFOSS CI runner token: ${token}\n`);
  await writeErr(`next: ${programName} run\n`);
}

function rootsOf({ repoRoots }: Wanted): Partial<Config> {
  return repoRoots.length > 0 ? { repoRoots } : {};
}

/** The same address, written one way or another. */
function sameForge(one: string, other: string): boolean {
  return normalized(one) === normalized(other);
}

function normalized(address: string): string {
  return (URL.parse(address)?.href ?? address).replace(/\/+$/, "");
}
