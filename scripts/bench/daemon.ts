import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";

type Secrets = Readonly<Record<string, string>>;

/** A registered daemon on a state folder of its own, for the length of a measurement. */
export interface Daemon {
  /** Triggers a stage and reads its log as SSE to the end event; milliseconds until that came, and the bytes read. */
  readonly trigger: (stageId: string) => Promise<{ tookMs: number; bytes: number }>;
  /** Triggers a stage and waits for its final status, SUCCESS or the one given, without reading its log. */
  readonly run: (stageId: string, status?: "SUCCESS" | "PASSED", secrets?: Secrets) => Promise<number>;
  readonly peakMemoryBytes: () => Promise<number>;
  readonly stop: () => Promise<void>;
}

/** `which`: of several at the same time. */
export async function startDaemon(binary: string, repository: string, which = 0): Promise<Daemon> {
  const state = await mkdtemp(`${tmpdir()}/gitfoss-bench-`);
  const environment = { ...process.env, GITFOSS_RUNNER_STATE_DIR: state };
  const registered = Bun.spawnSync([binary, "register", "--offline", "--repo-root", repository], {
    env: environment,
  });
  const token = /token: (\S+)/.exec(registered.stdout.toString())?.[1];
  if (token === undefined) throw new Error(`register failed: ${registered.stderr.toString()}`);
  const port = 20_000 + (process.pid % 20_000) + which;
  const child = Bun.spawn([binary, "run", "--listen", `127.0.0.1:${String(port)}`], {
    env: environment,
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(`${state}/daemon.log`),
  });
  const base = `http://127.0.0.1:${String(port)}`;
  const headers = { authorization: `Bearer ${token}` };
  while (
    !(await fetch(`${base}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await Bun.sleep(10);

  async function accept(stageId: string, secrets: Secrets = {}): Promise<string> {
    const ids = {
      secrets,
      pipelineId: crypto.randomUUID(),
      orgId: "bench",
      repoId: "bench",
      gitRepoDir: repository,
      stageId,
    };
    const answer = await fetch(`${base}/trigger`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(ids),
    });
    const body: unknown = await answer.json();
    if (typeof body === "object" && body !== null && "runId" in body) return String(body.runId);
    throw new Error(`not accepted: ${JSON.stringify(body)}`);
  }

  return {
    trigger: async (stageId) => {
      const began = performance.now();
      const runId = await accept(stageId);
      const answer = await fetch(`${base}/stage/${stageId}/logs?stream=sse&runId=${runId}`, { headers });
      let bytes = 0;
      let tail = "";
      for await (const chunk of answer.body ?? []) {
        bytes += chunk.length;
        tail = (tail + Buffer.from(chunk.subarray(-2000)).toString()).slice(-2000);
      }
      if (!tail.includes('"status":"SUCCESS"')) throw new Error(`no successful end: ${tail}`);
      return { tookMs: performance.now() - began, bytes };
    },
    run: async (stageId, status = "SUCCESS", secrets = {}) => {
      const began = performance.now();
      const runId = await accept(stageId, secrets);
      const answer = await fetch(`${base}/run/${runId}/events`, { headers });
      const events = await answer.text();
      if (!events.includes(`"${status}"`)) throw new Error(`no ${status} at the end: ${events.slice(-2000)}`);
      return performance.now() - began;
    },
    peakMemoryBytes: async () => {
      const status = await Bun.file(`/proc/${String(child.pid)}/status`).text();
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
    },
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
      await rm(state, { recursive: true, force: true });
    },
  };
}
