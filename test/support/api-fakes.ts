import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../src/api/server.ts";
import { createApi } from "../../src/api/server.ts";
import type { OutputLine } from "../../src/engine/engine.ts";
import type { RunRequest, Verdict } from "../../src/events/event.ts";
import type { RunState } from "../../src/events/run-state.ts";
import type { Trigger } from "../../src/runner/intake.ts";
import { systemClock } from "../../src/shared/clock.ts";
import type { Facts, Logger } from "../../src/shared/log.ts";
import type { Config } from "../../src/store/config.ts";
import { defaultConfig } from "../../src/store/config.ts";
import { Store } from "../../src/store/store.ts";
import { stagePlan } from "./stage-plan.ts";

export const token = "t0ken-of-the-test-runner";

export const registeredConfig: Config = {
  ...defaultConfig,
  registration: {
    id: "runner-1",
    url: "https://ci.example/runners/runner-1",
    forge: "https://ci.example",
    token,
    registeredAt: "2026-01-01T00:00:00.000Z",
  },
};

export const triggerBody = {
  pipelineId: "pipeline-1",
  orgId: "org-1",
  repoId: "repo-1",
  gitRepoDir: "/srv/git/repo-1.git",
  stageId: "build",
};

const plan = stagePlan({ script: ["make"] });

const success: Verdict = {
  status: "SUCCESS",
  exitCode: 0,
  cause: null,
  reason: "",
  steps: [{ step: 1, section: "script", command: "make", exitCode: 0, durationSeconds: 0.5 }],
  usage: { queueSeconds: 0.1, runSeconds: 1 },
  log: { lines: 0, bytes: 0, sha256: "" },
  artifacts: 0,
};

export function requestOf(trigger: Trigger): RunRequest {
  const { pipelineId, orgId, repoId, stageId, variables = {}, gitRepoDir, idempotencyKey } = trigger;
  return {
    pipelineId,
    orgId,
    repoId,
    stageId,
    variables,
    source: {
      kind: "repository",
      gitDir: gitRepoDir,
      commit: { sha: "a".repeat(40), ref: trigger.ref ?? "main", message: "first\n" },
    },
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}

/** The operator's log, kept. */
export interface KeptLogger extends Logger {
  readonly lines: { readonly message: string; readonly facts: Facts }[];
}

function keptLogger(): KeptLogger {
  const lines: { message: string; facts: Facts }[] = [];
  const keep = (message: string, facts: Facts = {}): void => void lines.push({ message, facts });
  return { lines, info: keep, warn: keep, error: keep };
}

/** What a test may change while the server runs. */
export interface ApiFakes {
  config: Config;
  admit: (trigger: Trigger, config: Config) => Promise<RunRequest>;
  submit: (request: RunRequest) => Promise<RunState>;
  freshenServiceLog: (run: RunState, alias: string) => Promise<void>;
}

export interface TestApi {
  readonly url: string;
  readonly store: Store;
  /** The store's clock goes so far ahead of the system's. */
  readonly moved: { aheadMs: number };
  readonly log: KeptLogger;
  readonly fakes: ApiFakes;
  handle(request: Request): Promise<Response>;
  /** With the token, unless the headers say otherwise. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  accept(trigger?: Partial<Trigger>): Promise<RunState>;
  /** Stores lines of step 1; a line that ends with "~>" goes on in the next. */
  print(run: RunState, texts: readonly string[], step?: number): Promise<void>;
  finish(run: RunState, verdict?: Partial<Verdict>): Promise<RunState>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A real store on a temporary folder behind the real API on a loopback port. Only the runner and its intake are fakes. */
export async function startTestApi(
  listenOn?: (folder: string) => Address,
  silenceMs = 15_000,
): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), "gitfoss-api-"));
  const moved = { aheadMs: 0 };
  const clock = { ...systemClock, now: () => systemClock.now() + moved.aheadMs };
  const store = await Store.open({ folder: join(folder, "state"), durable: false, clock });
  const log = keptLogger();
  const accept = (request: RunRequest): Promise<RunState> =>
    store.accept(Bun.randomUUIDv7(), request, { ...plan, id: request.stageId });
  const fakes: ApiFakes = {
    config: registeredConfig,
    admit: async (trigger) => requestOf(trigger),
    submit: accept,
    freshenServiceLog: async () => {},
  };
  const api = createApi({
    runner: {
      submitAll: (wanted) => Promise.all(wanted.map(({ request }) => fakes.submit(request))),
      repeated: () => Promise.resolve(undefined),
      cancel: (runId, by) => cancel(store, runId, by),
      waitsFor: () => Promise.resolve(undefined),
    },
    store,
    config: () => fakes.config,
    version: { version: "0.1.0", commit: "c0ffee" },
    log,
    freshenServiceLog: (run, alias) => fakes.freshenServiceLog(run, alias),
    silenceMs,
    admit: async (trigger, config) => [{ request: await fakes.admit(trigger, config), plan }],
  });
  const server = await api.listen(listenOn?.(folder) ?? { hostname: "127.0.0.1", port: 0 });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopAll());
  const stopAll = async (): Promise<void> => {
    await server.stop();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    url: server.url,
    store,
    moved,
    log,
    fakes,
    handle: (request) => api.handle(request),
    get: (path, headers) => fetch(`${server.url}${path}`, { headers: { ...bearer, ...headers } }),
    post: (path, body, headers) => post(`${server.url}${path}`, body, headers),
    accept: (trigger) => accept(requestOf({ ...triggerBody, ...trigger })),
    print: (run, texts, step = 1) => print(store, run.runId, texts, step),
    finish: (run, verdict) => finish(store, run.runId, verdict),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

export const bearer = { authorization: `Bearer ${token}` };

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  if (body === undefined) return fetch(url, { method: "POST", headers: { ...bearer, ...headers } });
  return fetch(url, {
    method: "POST",
    headers: { ...bearer, "content-type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
}

async function cancel(store: Store, runId: string, by: string): Promise<RunState> {
  await store.record(runId, { type: "cancel_requested", by });
  return finish(store, runId, { status: "CANCELED", cause: "canceled", exitCode: null });
}

async function print(store: Store, runId: string, texts: readonly string[], step: number): Promise<void> {
  const log = await store.openLog(runId);
  const lines = texts.map((text): OutputLine =>
    text.endsWith("~>") ? { step, text: text.slice(0, -2), partial: true } : { step, text },
  );
  log.append(lines, log.lastSeq + lines.length);
}

async function finish(store: Store, runId: string, verdict: Partial<Verdict> = {}): Promise<RunState> {
  const log = (await store.openLog(runId)).finish();
  return store.record(runId, { type: "finished", ...success, log, ...verdict });
}

/** The raw bytes of an answer to raw bytes, until the server closes or the answer is `complete`. */
export function raw(url: string, request: string, complete = /\r\n\r\n/): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect(Number(port), hostname);
  socket.on("data", (data) => {
    answer += data.toString("latin1");
    if (complete.test(answer)) socket.destroy();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => resolve(answer));
  socket.write(request, "latin1");
  return promise;
}

/** The body of an error answer, which repeats nothing of what was sent and tells nothing of this machine. */
export async function problemOf(answer: Response, secret = "hunter2"): Promise<Problem> {
  const text = await answer.text();
  const problem: Problem = JSON.parse(text);
  if (answer.headers.get("content-type") !== "application/problem+json")
    throw new Error(`no problem: ${text}`);
  if (problem.status !== answer.status)
    throw new Error(`the status of the answer isn't that of its body: ${text}`);
  if (text.includes(secret) || text.includes("/work/")) throw new Error(`the answer tells too much: ${text}`);
  return problem;
}

export interface Problem {
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** What answers may hold; a test looks at what it asked for. */
export interface Answer {
  readonly runId: string;
  readonly status: string;
  readonly logs: string;
  readonly requestId: string;
  readonly steps: readonly object[];
  readonly usage: object;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  readonly artefacts: readonly ListedArtifact[];
  readonly expiresAt: string | null;
  readonly runs: readonly { readonly runId: string; readonly idempotencyKey?: string }[];
  readonly nextCursor: string | null;
}

export interface ListedArtifact {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export async function jsonOf(answer: Response | Promise<Response>): Promise<Answer> {
  return JSON.parse(await (await answer).text());
}

export interface CommandResult {
  readonly out: string;
  readonly exitCode: number;
}

export async function curl(...args: readonly string[]): Promise<CommandResult> {
  const child = Bun.spawn(["curl", "-sN", "-m", "20", "-H", `Authorization: Bearer ${token}`, ...args], {
    stdout: "pipe",
    stderr: "ignore",
  });
  const out = await new Response(child.stdout).text();
  return { out, exitCode: await child.exited };
}
