import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventSource } from "eventsource";
import NodeWebSocket from "ws";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { startForge, type Forge } from "../support/forge.ts";
import { requireImages } from "../support/images.ts";
import { runBinary, startBinary, type Started } from "./support/binary.ts";
import { makeRepository } from "./support/commit.ts";
import { isObject } from "./support/daemon.ts";

/*
 * The story that the project's first document tells, from registration to the runner's version, against the compiled
 * binary: every answer has that document's keys to the letter.
 */

const ids = { pipelineId: "pipeline-1", orgId: "org-1", repoId: "repo-1" };
const logText = "line one\nline two\nmade an artifact\nartifacts: kept 1 (9 B)\n";

let folder: string;
let forge: Forge;
let state: string;
let token: string;
let daemon: Started;
let url: string;
let repository: string;
let runId: string;

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-seed-"));
  state = join(folder, "state");
  repository = await makeRepository(join(folder, "roots/repo"), {
    ".gitfoss-ci.yml": `stages:
  hello:
    image: ${image}
    script:
      - echo line one
      - echo line two >&2
      - mkdir out && echo artifact >out/file.txt
      - echo made an artifact
    artifacts: { paths: [out/] }
  caching:
    image: ${image}
    script: mkdir deps && echo 12345 >deps/file
    cache: { key: deps, paths: [deps/] }
`,
  });
  forge = startForge({ nonces: ["12345ABCDEF"] });
});
afterAll(async () => {
  daemon.kill("SIGTERM");
  await daemon.exited;
  await forge.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

function env(): Record<string, string> {
  return { GITFOSS_RUNNER_STATE_DIR: state };
}

async function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, accept: "application/json" },
  });
}

async function post(path: string, body?: unknown): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

test("register prints the two lines, and keeps the token to itself", async () => {
  const args = ["register", "--nonce=12345ABCDEF", "--url", forge.url, "--repo-root", join(folder, "roots")];
  const { exitCode, stdout, stderr } = await runBinary(args, { env: env() });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const lines = stdout.split("\n");
  expect(lines[0]).toBe("# GitFOSS CI runner registered successfully.");
  expect(lines[1]).toMatch(/^# GitFOSS CI runner token: \S{32,}$/);
  expect(lines.slice(2)).toEqual([""]);
  token = lines[1]?.split(": ")[1] ?? "";
  expect((await stat(join(state, "config.json"))).mode & 0o777).toBe(0o600);
});

test("run serves the API", async () => {
  daemon = await startBinary(["run", "--listen", "127.0.0.1:0"], { env: env() });
  [url = ""] = await daemon.waitFor(/http:\/\/127\.0\.0\.1:\d+/);
  expect((await fetch(`${url}/runner/version`)).status).toBe(401);
});

test("trigger answers with the run, PENDING", async () => {
  const answer = await post("/trigger", { ...ids, gitRepoDir: repository, stageId: "hello" });
  expect(answer.status).toBe(200);
  const body = await bodyOf(answer);
  runId = String(body["runId"]);
  expect(body).toEqual({ pipelineId: ids.pipelineId, runId, stageId: "hello", status: "PENDING" });
});

test("the log as a stream of text, by curl, from the start to its end", async () => {
  const curl = Bun.spawn(
    ["curl", "-sSN", "-H", `Authorization: Bearer ${token}`, `${url}/stage/hello/logs?stream=http`],
    { stdout: "pipe", stderr: "pipe" },
  );
  expect(await new Response(curl.stdout).text()).toBe(logText);
  expect(await curl.exited).toBe(0);
});

test("the stage's status", async () => {
  const body = await bodyOf(await get("/stage/hello"));
  expect(body).toMatchObject({
    pipelineId: ids.pipelineId,
    stageId: "hello",
    status: "SUCCESS",
    runId,
    exitCode: 0,
    cause: null,
  });
  const steps = Array.from({ length: 4 }, () => ({ section: "script", exitCode: 0 }));
  expect(body["steps"]).toMatchObject(steps);
  expect(Object.keys(body).slice(0, 3)).toEqual(["pipelineId", "stageId", "status"]);
});

test("the log in JSON", async () => {
  const body = await bodyOf(await get("/stage/hello/logs"));
  expect(body).toMatchObject({ pipelineId: ids.pipelineId, stageId: "hello", logs: logText });
});

test("the log as server-sent events, by the eventsource package, resumed in the middle", async () => {
  const source = new EventSource(`${url}/stage/hello/logs?stream=sse&after=1`, {
    fetch: (input, init) =>
      fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
  });
  const seen: { id: string; text: string }[] = [];
  const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
  source.addEventListener("log", (event) =>
    seen.push({ id: event.lastEventId, text: JSON.parse(event.data).text }),
  );
  source.addEventListener("end", (event) => resolve(JSON.parse(event.data)));
  const end = await promise;
  source.close();
  expect(seen.map(({ id }) => id)).toEqual(["2", "3", "4"]);
  expect(seen[0]?.text).toBe("line two");
  expect(end).toEqual({
    status: "SUCCESS",
    exitCode: 0,
    lines: 4,
    bytes: logText.length,
    sha256: createHash("sha256").update(logText).digest("hex"),
  });
});

test("the log over a WebSocket, by Bun's client and by the ws package", async () => {
  const address = `${url.replace("http", "ws")}/stage/hello/logs?stream=ws`;
  const byBun = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
  expect(await framesOf(byBun)).toEqual([
    "line one",
    "line two",
    "made an artifact",
    "artifacts: kept 1 (9 B)",
    "end",
    1000,
  ]);
  const byPackage = new NodeWebSocket(address, [`bearer.${token}`]);
  expect(await framesOf(byPackage)).toEqual([
    "line one",
    "line two",
    "made an artifact",
    "artifacts: kept 1 (9 B)",
    "end",
    1000,
  ]);
});

test("the artifacts, and one of them", async () => {
  const body = await bodyOf(await get(`/run/${runId}/artifacts`));
  const sha256 = createHash("sha256").update("artifact\n").digest("hex");
  const id = /"id":"([^"]+)"/.exec(JSON.stringify(body))?.[1] ?? "";
  expect(body).toEqual({
    pipelineId: ids.pipelineId,
    runId,
    stageId: "hello",
    artefacts: [{ id, name: "file.txt", path: "out/file.txt", size: 9, sha256 }],
  });
  const file = await get(`/run/${runId}/artifacts/${id}`);
  expect(await file.text()).toBe("artifact\n");
  expect(file.headers.get("etag")).toContain(sha256);
});

test("the cache is reset, all of it or a stage's", async () => {
  const body = await bodyOf(await post("/trigger", { ...ids, gitRepoDir: repository, stageId: "caching" }));
  await (await get(`/run/${String(body["runId"])}/events`)).text(); // ends with the run
  const reset = async (filter?: object): Promise<unknown> => (await post("/cache/reset", filter)).json();
  expect(await reset({ pipelineId: ids.pipelineId, stageId: "other" })).toEqual({ cleared: 0, bytes: 0 });
  expect(await reset({ stageId: "caching" })).toEqual({ cleared: 1, bytes: expect.any(Number) });
  expect(await reset()).toEqual({ cleared: 0, bytes: 0 });
});

test("the runner's configuration", async () => {
  const body = await bodyOf(await get("/runner/config"));
  expect(body).toEqual({
    registration: { id: "runner-1", url: `${forge.url}/runners/runner-1`, token },
    defaultImage: "alpine:latest",
    defaultTimeout: 900,
    successExit: [0],
  });
});

test("the runner's version, as the binary says it", async () => {
  const body = await bodyOf(await get("/runner/version"));
  const said = await runBinary(["version", "--json"]);
  expect(Object.keys(body)).toEqual(["version", "commit"]);
  expect(body).toMatchObject({ version: "0.1.0", commit: JSON.parse(said.stdout).commit });
});

/** The texts of the log frames, the type of the last frame, and the close code. */
async function framesOf(socket: WebSocket | NodeWebSocket): Promise<unknown[]> {
  const seen: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const receive = ({ data }: { data: unknown }): void => {
    const frame: unknown = JSON.parse(String(data));
    if (isObject(frame)) seen.push(frame["type"] === "log" ? frame["text"] : frame["type"]);
  };
  const close = ({ code }: { code: number }): void => {
    seen.push(code);
    resolve();
  };
  if (socket instanceof NodeWebSocket) {
    socket.addEventListener("message", receive);
    socket.addEventListener("close", close);
  } else {
    socket.addEventListener("message", receive);
    socket.addEventListener("close", close);
  }
  await promise;
  return seen;
}

async function bodyOf(answer: Response): Promise<Record<string, unknown>> {
  const body: unknown = await answer.json();
  if (!isObject(body)) throw new Error("the answer is no object");
  return body;
}
