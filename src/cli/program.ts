import { messageOf, RunnerError } from "../shared/errors.ts";
import { dispatch, programName, type CommandGroup } from "./command.ts";
import { exit, exitCodes, exitOfSignal } from "./exit.ts";
import { Interrupted } from "./interruption.ts";
import { OutputClosed, writeErr } from "./output.ts";
import { printableLines } from "./printable.ts";

/** Every command is loaded when it is called: `version` and `--help` must not wait for an engine's client. */
const program: CommandGroup = {
  name: "",
  summary: "Runs the stages of a GitFOSS pipeline in containers.",
  commands: {
    exec: {
      summary: "run a manifest's stages here and now",
      load: async () => (await import("./exec.ts")).command,
    },
    validate: {
      summary: "show every error of a manifest",
      load: async () => (await import("./validate.ts")).command,
    },
    schema: {
      summary: "print the manifest's JSON Schema, for editors",
      load: async () => (await import("./schema.ts")).command,
    },
    init: {
      summary: "write a manifest that suits the project here",
      load: async () => (await import("./init.ts")).command,
    },
    import: {
      summary: "make a manifest of a GitLab, Woodpecker or GitHub file",
      load: async () => (await import("./import.ts")).command,
    },
    register: {
      summary: "register this runner with the forge",
      load: async () => (await import("./register.ts")).command,
    },
    run: {
      summary: "serve the API and run what the forge triggers",
      load: async () => (await import("./run.ts")).command,
    },
    config: {
      summary: "show and change the configuration",
      load: async () => (await import("./config.ts")).command,
    },
    cache: {
      summary: "show and remove what stages have cached",
      load: async () => (await import("./cache.ts")).command,
    },
    secret: {
      summary: "keep secrets for the stages that name them",
      load: async () => (await import("./secret.ts")).command,
    },
    version: {
      summary: "show the version (also: --version)",
      load: async () => (await import("./version.ts")).command,
    },
  },
};

/** Runs a command line; resolves to the exit code and never rejects. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    const [first, ...rest] = argv;
    return await dispatch(program, first === "--version" ? ["version", ...rest] : argv);
  } catch (thrown) {
    return report(thrown, argv);
  }
}

/** Says what went wrong, and how the process should exit for it. */
export async function report(thrown: unknown, argv: readonly string[] = []): Promise<number> {
  if (thrown instanceof OutputClosed) return exit.outputClosed;
  if (thrown instanceof Interrupted) return exitOfSignal(thrown.signal);
  await writeErr(describe(thrown, argv, process.env["GITFOSS_RUNNER_DEBUG"] === "1"));
  return thrown instanceof RunnerError ? exitCodes[thrown.code] : exit.internal;
}

/** The text for stderr. A stack is for those who ask for it. */
export function describe(thrown: unknown, argv: readonly string[], debug: boolean): string {
  const stack = debug && thrown instanceof Error ? `${thrown.stack ?? ""}\n` : "";
  if (!(thrown instanceof RunnerError))
    return `error: internal error: ${printableLines(messageOf(thrown))}\n${stack}`;
  const entries = thrown.errors.map(({ path, message }) => (path === "" ? message : `  ${path}: ${message}`));
  const hint = thrown.code === "usage" ? [`see: ${helpFor(argv)}`] : [];
  return `${printableLines([`error: ${thrown.message}`, ...entries, ...hint].join("\n"))}\n${stack}`;
}

function helpFor(argv: readonly string[]): string {
  const [word = ""] = argv;
  return [programName, ...(Object.hasOwn(program.commands, word) ? [word] : []), "--help"].join(" ");
}
