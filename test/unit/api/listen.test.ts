import { expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket as WsSocket } from "ws";
import { RunnerError, messageOf } from "../../../src/shared/errors.ts";
import { bearer, curl, startTestApi } from "../../support/api-fakes.ts";

test("a port that is taken is refused, not shared", async () => {
  await using api = await startTestApi();
  const port = Number(new URL(api.url).port);
  const second: unknown = await startTestApi(() => ({ hostname: "127.0.0.1", port })).catch(messageOf);
  expect(second).toStartWith(`127.0.0.1:${port} is in use`);
});

test("a socket serves its owner alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gitfoss-socket-"));
  const socket = join(folder, "api.sock");
  {
    await using api = await startTestApi(() => ({ socket }));
    expect(api.url).toBe(`unix:${socket}`);
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    const { out } = await curl("--unix-socket", socket, "http://localhost/runner/version");
    expect(JSON.parse(out)).toEqual({ version: "0.1.0", commit: "c0ffee" });
    const run = await api.accept({ stageId: "ws" });
    await api.finish(run);
    const frames = new WsSocket(`ws+unix:${socket}:/stage/ws/logs?stream=ws`, { headers: bearer });
    expect(await once(frames, "close")).toEqual([1000, Buffer.from("")]);
    const second: unknown = await startTestApi(() => ({ socket })).catch((error: unknown) => error);
    expect(second).toBeInstanceOf(RunnerError);
    expect((await curl("--unix-socket", socket, "http://localhost/healthz")).exitCode).toBe(0);
  }
  await rm(folder, { recursive: true });
});

test("the socket that a killed process left is no hindrance, and another file is never removed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gitfoss-socket-"));
  const socket = join(folder, "api.sock");
  const script = `Bun.serve({ unix: ${JSON.stringify(socket)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`;
  await Bun.spawn([process.execPath, "-e", script]).exited;
  expect((await stat(socket)).isSocket()).toBe(true);
  {
    await using api = await startTestApi(() => ({ socket }));
    expect(api.url).toBe(`unix:${socket}`);
    expect((await curl("--unix-socket", socket, "http://localhost/healthz")).exitCode).toBe(0);
  }
  const file = join(folder, "precious");
  await Bun.write(file, "x");
  expect(await startTestApi(() => ({ socket: file })).catch(messageOf)).toBeString();
  expect(await Bun.file(file).text()).toBe("x");
  await rm(folder, { recursive: true });
});
