import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../../..");
let built: Promise<string> | undefined;

/** The compiled binary: the one that scripts/test names, else built now, once a process. */
export function requireBinary(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const named = process.env["GITFOSS_TEST_BINARY"];
  if (named !== undefined && named !== "") {
    if (!(await Bun.file(named).exists())) throw new Error(`GITFOSS_TEST_BINARY=${named}: no such file`);
    return named;
  }
  const file = join(root, "dist/gitfoss-ci-runner");
  const child = Bun.spawn([process.execPath, "run", "scripts/build.ts", "--outfile", file], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`the binary can't be built:\n${out}${err}`);
  return file;
}

export interface Invocation {
  /** Default: an empty folder. */
  readonly cwd?: string;
  /** Added to a bare environment: PATH, a HOME of its own, and where the engine is. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing, at its end. */
  readonly stdin?: string;
  /** Killed after that, and the test fails; default 60 s. */
  readonly timeoutMs?: number;
  /** A command that the binary is started by, such as setpriv; it must become the binary, not wait for it. */
  readonly by?: readonly string[];
}

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the binary to its end. */
export async function runBinary(args: readonly string[], invocation: Invocation = {}): Promise<Finished> {
  const started = await startBinary(args, invocation);
  const timeoutMs = invocation.timeoutMs ?? 60_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    started.kill("SIGKILL");
  }, timeoutMs);
  const exitCode = await started.exited;
  clearTimeout(timer);
  const finished = { exitCode, stdout: started.stdout(), stderr: started.stderr() };
  if (late) {
    throw new Error(
      `${args.join(" ")} took more than ${timeoutMs} ms\n${finished.stdout}\n${finished.stderr}`,
    );
  }
  return finished;
}

export interface Started {
  readonly pid: number;
  /** The exit code, when all of its output is here; 128 + signal number when a signal ended it. */
  readonly exited: Promise<number>;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** The first match in what it has printed or will print on either stream; throws when it ends without one. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal?: NodeJS.Signals): void;
}

/** Starts the binary, and doesn't wait for it. Whoever starts it ends it. */
export async function startBinary(args: readonly string[], invocation: Invocation = {}): Promise<Started> {
  const home = mkdtempSync(join(tmpdir(), "gitfoss-home-"));
  const child = Bun.spawn([...(invocation.by ?? []), await requireBinary(), ...args], {
    cwd: invocation.cwd ?? home,
    env: { ...bareEnvironment(home), ...invocation.env },
    stdin: new TextEncoder().encode(invocation.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = new Output();
  const read = Promise.all([output.read(child.stdout, "out"), output.read(child.stderr, "err")]);
  const exited = read
    .then(() => child.exited)
    .finally(() => {
      output.end();
      rmSync(home, { recursive: true, force: true });
    });
  return {
    pid: child.pid,
    exited,
    stdout: () => output.text("out"),
    stderr: () => output.text("err"),
    waitFor: (pattern) => output.waitFor(pattern),
    kill: (signal) => child.kill(signal),
  };
}

function bareEnvironment(home: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => name === "PATH" || name.startsWith("DOCKER_"));
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""])),
    HOME: home,
    LANG: "C.UTF-8",
  };
}

class Output {
  readonly #texts = { out: "", err: "" };
  #ended = false;
  #wake: (() => void)[] = [];

  async read(stream: ReadableStream<Uint8Array>, which: "out" | "err"): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#texts[which] += decoder.decode(chunk, { stream: true });
      this.#wakeAll();
    }
  }

  end(): void {
    this.#ended = true;
    this.#wakeAll();
  }

  text(which: "out" | "err"): string {
    return this.#texts[which];
  }

  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#texts.out) ?? pattern.exec(this.#texts.err);
      if (found !== null) return found;
      if (this.#ended)
        throw new Error(`it ended without ${pattern}:\n${this.#texts.out}\n${this.#texts.err}`);
      const { promise, resolve: wake } = Promise.withResolvers<void>();
      this.#wake.push(wake);
      await promise;
    }
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
