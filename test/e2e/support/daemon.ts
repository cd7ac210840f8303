import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBinary, startBinary, type Started } from "./binary.ts";

export interface DaemonOptions {
  readonly roots: readonly string[];
  /** Keys of config.json set before the daemon starts. */
  readonly config?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

/** The compiled binary, registered with nobody, serving on a port of its own. */
export interface Daemon {
  readonly url: string;
  readonly token: string;
  readonly state: string;
  readonly process: () => Started;
  /** A request with the token. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The JSON of a request that must succeed. */
  json(path: string, init?: RequestInit): Promise<Record<string, unknown>>;
  /** Triggers a stage of a repository; resolves to the run's id. */
  trigger(gitRepoDir: string, stageId: string, more?: Readonly<Record<string, unknown>>): Promise<string>;
  /** The run's answer once its status is final. */
  final(runId: string): Promise<Record<string, unknown>>;
  logs(runId: string): Promise<string>;
  /** Ends the process with a signal and waits for it. */
  end(signal: NodeJS.Signals): Promise<number>;
  /** A new process on the same state folder and port. */
  restart(): Promise<void>;
  /** TERM, and the state folder removed. */
  stop(): Promise<void>;
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const state = await mkdtemp(join(tmpdir(), "gitfoss-state-"));
  const env = { GITFOSS_RUNNER_STATE_DIR: state };
  const roots = options.roots.flatMap((root) => ["--repo-root", root]);
  const registered = await runBinary(["register", "--offline", ...roots], { env });
  const token = /token: (\S+)/.exec(registered.stdout)?.[1];
  if (token === undefined) throw new Error(`register said: ${registered.stdout}${registered.stderr}`);
  for (const [key, value] of Object.entries(options.config ?? {})) {
    const set = await runBinary(["config", "set", key, value], { env });
    if (set.exitCode !== 0) throw new Error(set.stderr);
  }
  let address = "127.0.0.1:0";
  let process = await launch();
  const url = await servingUrl();
  address = url.replace("http://", "");

  function launch(): Promise<Started> {
    return startBinary(["run", "--listen", address, ...(options.flags ?? [])], { env });
  }

  async function servingUrl(): Promise<string> {
    const [found] = await process.waitFor(/http:\/\/[\d.]+:\d+/);
    return found;
  }

  const daemon: Daemon = {
    url,
    token,
    state,
    process: () => process,
    request: (path, init = {}) =>
      fetch(`${url}${path}`, { ...init, headers: withToken(init.headers, token) }),
    async json(path, init) {
      const answer = await daemon.request(path, init);
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path}: ${String(answer.status)} ${text}`);
      const body: unknown = JSON.parse(text);
      if (!isObject(body)) throw new Error(`${path} answered with no object`);
      return body;
    },
    async trigger(gitRepoDir, stageId, more = {}) {
      const body = { pipelineId: "p1", orgId: "o1", repoId: "r1", gitRepoDir, stageId, ...more };
      const answer = await daemon.json("/trigger", { method: "POST", ...jsonBody(body) });
      return String(answer["runId"]);
    },
    async final(runId) {
      const events = await daemon.request(`/run/${runId}/events`);
      await events.text(); // ends with the run
      return daemon.json(`/run/${runId}`);
    },
    async logs(runId) {
      const run = await daemon.json(`/run/${runId}`);
      const path = `/stage/${encodeURIComponent(String(run["stageId"]))}/logs?runId=${runId}`;
      return String((await daemon.json(path))["logs"]);
    },
    async end(signal) {
      process.kill(signal);
      return process.exited;
    },
    async restart() {
      process = await launch();
      await servingUrl();
    },
    async stop() {
      await daemon.end("SIGTERM");
      await rm(state, { recursive: true, force: true });
    },
  };
  return daemon;
}

function withToken(headers: RequestInit["headers"], token: string): Headers {
  const all = new Headers(headers);
  all.set("authorization", `Bearer ${token}`);
  return all;
}

function jsonBody(body: unknown): { headers: Record<string, string>; body: string } {
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
