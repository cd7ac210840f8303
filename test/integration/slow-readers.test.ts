import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { WebSocket as WsSocket } from "ws";
import type { TestApi } from "../support/api-fakes.ts";
import { bearer, curl, startTestApi, token } from "../support/api-fakes.ts";
import { firstBytes } from "../support/log-readers.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("cost a bounded amount of memory, and lose nothing", async () => {
  const run = await api.accept({ stageId: "slow" });
  const batch = Array.from({ length: 10_000 }, (_, index) => `${index} ${"x".repeat(100)}`);
  for (let count = 0; count < 40; count++) await api.print(run, batch);
  await api.finish(run);
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const stalled = ["http", "sse", "ws"].flatMap((stream) =>
    Array.from({ length: 4 }, () => {
      const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
      socket.pause();
      socket.write(
        `GET /stage/slow/logs?stream=${stream} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n${stream === "ws" ? upgrade : ""}\r\n`,
      );
      return socket;
    }),
  );
  const paused = new WsSocket(`${api.url.replace("http", "ws")}/stage/slow/logs?stream=ws`, {
    headers: bearer,
    perMessageDeflate: false,
  });
  paused.on("open", () => paused.pause());
  const readAgain = linesOf(paused);
  // In processes of their own, so that only the server's memory is looked at.
  for (const stream of ["http", "sse"]) {
    expect((await curl("-o", "/dev/null", `${api.url}/stage/slow/logs?stream=${stream}`)).exitCode).toBe(0);
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000);
  expect(paused.isPaused).toBe(true);
  paused.resume();
  expect(await readAgain).toBe(400_000);
  const [first] = stalled;
  const whole = Promise.withResolvers<number>();
  let bytes = 0;
  first?.on("data", (data: Buffer) => {
    bytes += data.length;
    if (data.subarray(-5).toString() === "0\r\n\r\n") whole.resolve(bytes);
  });
  first?.resume();
  expect(await whole.promise).toBeGreaterThan(40_000_000);
  for (const socket of stalled) socket.destroy();
}, 30_000);

test("and leave nothing behind when they go", async () => {
  const run = await api.accept({ stageId: "leave" });
  await api.print(run, ["one"]);
  const left: string[] = [];
  const { store } = api;
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = store.onChange(() => resolve());
  for (const stream of ["http", "sse"]) {
    await firstBytes(api, `/stage/leave/logs?stream=${stream}`);
    left.push(stream);
  }
  await api.finish(run);
  await promise;
  unsubscribe();
  expect(left).toEqual(["http", "sse"]);
  expect(api.log.lines.filter(({ message }) => message === "log stream failed")).toEqual([]);
});

test("a silent stream says again and again that it is there", async () => {
  await using quiet = await startTestApi(undefined, 20);
  const run = await quiet.accept({ stageId: "quiet" });
  for (const path of [
    "/stage/quiet/logs?stream=sse",
    "/stage/quiet/logs?stream=sse&step=7",
    `/run/${run.runId}/events`,
  ]) {
    const answer = await quiet.get(path);
    const reader = answer.body?.getReader();
    let out = "";
    while (out.split(": still here\n\n").length < 5) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) throw new Error(`the stream ended: ${out}`);
      if (value !== undefined) out += Buffer.from(value).toString();
    }
    await reader?.cancel();
  }
});

/** How many lines come over a WebSocket; they must come in order and without gaps. */
function linesOf(socket: WsSocket): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let count = 0;
  socket.on("message", (data: Buffer) => {
    const text = data.toString();
    if (text.startsWith('{"type":"end"')) return;
    if (text.startsWith(`{"type":"log","seq":${++count},`)) return;
    reject(new Error(`line ${count} is ${text.slice(0, 40)}`));
  });
  socket.on("close", (code) => (code === 1000 ? resolve(count) : reject(new Error(String(code)))));
  return promise;
}
