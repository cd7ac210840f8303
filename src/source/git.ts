import { RunnerError, systemCodeOf, type ErrorCode } from "../shared/errors.ts";

/** One git process. */
export interface GitCall {
  readonly args: readonly string[];
  /** The repository it works on; git never looks for one by itself. */
  readonly gitDir: string;
  readonly workTree?: string;
  /** The objects folder of another repository, read as if they were `gitDir`'s own. Nothing else of that repository is. */
  readonly borrowedObjects?: string;
  /** Another one than `gitDir`'s own. */
  readonly indexFile?: string;
  /** Also obey what the user's own git configuration ignores. */
  readonly userIgnores?: boolean;
  /** Sent to its stdin, which is then closed; without it stdin stays open for `GitProcess.write`. */
  readonly input?: string;
  readonly deadlineMs: number;
  /** The code of every error of this call. */
  readonly failure: ErrorCode;
}

export interface GitProcess {
  write(text: string): void;
  /** Its stdout, to be read. Throws when git fails, is late or is aborted; a reader that leaves early ends the process. */
  readonly output: AsyncGenerator<Uint8Array, void, void>;
}

/** For what only looks at a repository. */
export const lookDeadlineMs = 30_000;

const settings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.fsync=none",
  "core.commitGraph=false",
];
const maxComplaintBytes = 8192;

/** The one place where git is started: no shell, no configuration but the repository's own, no hooks, no network, no questions. */
export function startGit(call: GitCall, signal: AbortSignal): GitProcess {
  signal.throwIfAborted();
  const child = spawn(call);
  if (call.input !== undefined) void send(child, call.input, "last");
  return { write: (text) => void send(child, text), output: outputOf(child, call, signal) };
}

/** Runs it to its end. More than `maxBytes` of stdout is an error. */
export async function runGit(call: GitCall, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of startGit({ input: "", ...call }, signal).output) {
    size += chunk.length;
    if (size > maxBytes)
      throw new RunnerError(
        call.failure,
        `git ${verbOf(call)} answered with more than ${String(maxBytes)} bytes`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

type Child = Bun.Subprocess<"pipe", "pipe", "pipe">;

function spawn(call: GitCall): Child {
  try {
    return Bun.spawn(["git", ...settings.flatMap((setting) => ["-c", setting]), ...call.args], {
      cwd: "/",
      env: environmentOf(call),
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
  } catch (error) {
    const why = systemCodeOf(error) === "ENOENT" ? "it isn't installed, or not in PATH" : "see the cause";
    throw new RunnerError(call.failure, `git can't be started: ${why}`, { cause: error });
  }
}

async function send({ stdin }: Child, text: string, last?: "last"): Promise<void> {
  try {
    await stdin.write(text);
    await (last === undefined ? stdin.flush() : stdin.end());
  } catch {
    // It died before it read all of it: its exit code tells why.
  }
}

async function* outputOf(
  child: Child,
  call: GitCall,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const kill = (): void => child.kill("SIGKILL");
  let late = false;
  const timer = setTimeout(() => ((late = true), kill()), call.deadlineMs);
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  const complaint = readComplaint(child.stderr);
  try {
    yield* child.stdout;
    const exitCode = await child.exited;
    signal.throwIfAborted();
    if (late)
      throw new RunnerError(
        call.failure,
        `git ${verbOf(call)} took longer than ${String(call.deadlineMs / 1000)} seconds`,
      );
    if (exitCode !== 0) throw failureOf(call, await complaint, child.signalCode);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** The start of its stderr. The rest is read too, so that git never waits for us. */
async function readComplaint(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stderr) {
    if (size < maxComplaintBytes) kept.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(kept).subarray(0, maxComplaintBytes).toString();
}

function failureOf(call: GitCall, complaint: string, killedBy: Child["signalCode"]): RunnerError {
  const lines = complaint.split("\n").filter((line) => line.trim() !== "");
  const line =
    lines.find((text) => /^(fatal|error):/.test(text)) ??
    lines[0] ??
    `ended by ${String(killedBy ?? "itself")}`;
  const said = withoutPaths(line, call)
    .replaceAll(/\p{Cc}/gu, "?")
    .slice(0, 300);
  if (/config/i.test(line)) {
    return new RunnerError(
      call.failure,
      `git ${verbOf(call)} failed: the repository's configuration can't be read`,
    );
  }
  const full = /No space left on device|Disk quota exceeded/.test(complaint);
  return new RunnerError(full ? "disk_full" : call.failure, `git ${verbOf(call)} failed: ${said}`);
}

/** Our folders and the repository's real place are nobody's business. */
function withoutPaths(text: string, { gitDir, workTree, borrowedObjects }: GitCall): string {
  let clean = text.replace(/^(fatal|error): /, "");
  if (borrowedObjects !== undefined) clean = clean.replaceAll(borrowedObjects, "objects");
  clean = clean.replaceAll(gitDir, "the repository");
  return workTree === undefined ? clean : clean.replaceAll(workTree, "the workspace");
}

function verbOf(call: GitCall): string {
  return call.args[0] ?? "";
}

function environmentOf(call: GitCall): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LC_ALL: "C",
    HOME: "/dev/null",
    XDG_CONFIG_HOME: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    // Nothing is ever fetched, so no protocol has this name.
    GIT_ALLOW_PROTOCOL: "none",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LFS_SKIP_SMUDGE: "1",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    // Named outright, git neither searches the folders above nor asks whose repository it is: nothing of it is run.
    GIT_DIR: call.gitDir,
  };
  if (call.workTree !== undefined) environment["GIT_WORK_TREE"] = call.workTree;
  if (call.indexFile !== undefined) environment["GIT_INDEX_FILE"] = call.indexFile;
  if (call.borrowedObjects !== undefined)
    environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = JSON.stringify(call.borrowedObjects);
  return call.userIgnores === true ? withUserConfiguration(environment) : environment;
}

function withUserConfiguration(environment: Record<string, string>): Record<string, string> {
  const { GIT_CONFIG_GLOBAL: _global, XDG_CONFIG_HOME: _xdg, ...rest } = environment;
  for (const name of ["HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"]) {
    const value = process.env[name];
    if (value !== undefined) rest[name] = value;
  }
  return rest;
}
