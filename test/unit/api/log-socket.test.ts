import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestApi } from "../../support/api-fakes.ts";
import { bearer, raw, startTestApi, token } from "../../support/api-fakes.ts";
import { readWithWs } from "../../support/log-readers.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("stream=ws without an upgrade is told so", async () => {
  await api.accept({ stageId: "plain" });
  const answer = await api.get("/stage/plain/logs?stream=ws");
  expect(answer.status).toBe(426);
  expect(answer.headers.get("upgrade")).toBe("websocket");
});

test("an upgrade is refused like any other request", async () => {
  await api.accept({ stageId: "refused" });
  expect((await readWithWs(api, "refused", [])).status).toBe(401);
  expect((await readWithWs(api, "refused", ["bearer.wrong"])).status).toBe(401);
  expect((await readWithWs(api, "refused", [`bearer.${token}`, "bearer.wrong"])).status).toBe(401);
  expect((await readWithWs(api, "never", [`bearer.${token}`])).status).toBe(404);
  expect((await readWithWs(api, "refused", ["bearer"])).status).toBe(401);
});

test("Upgrade is read in any case of letters", async () => {
  const run = await api.accept({ stageId: "case" });
  await api.finish(run);
  const head = `GET /stage/case/logs?stream=ws HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  expect(await raw(api.url, head)).toStartWith("HTTP/1.1 101");
});

test("what a client sends is ignored, and too much of it closes the socket", async () => {
  const run = await api.accept({ stageId: "chatty" });
  const socket = new WebSocket(`${api.url.replace("http", "ws")}/stage/chatty/logs?stream=ws`, {
    headers: bearer,
  });
  const frames: string[] = [];
  const closed = Promise.withResolvers<void>();
  socket.addEventListener("open", () => {
    for (const text of ["", "{", '{"type":"end"}', "null"]) socket.send(text);
    void api.print(run, ["one"]);
  });
  socket.addEventListener("message", ({ data }) => {
    frames.push(String(data));
    socket.send("x".repeat(100_000));
  });
  socket.addEventListener("close", () => closed.resolve());
  await closed.promise;
  expect(frames).toHaveLength(1);
});
