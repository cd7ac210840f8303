import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestApi } from "../../support/api-fakes.ts";
import { bearer, raw, startTestApi, token } from "../../support/api-fakes.ts";
import { readSocket, readWithWs } from "../../support/log-readers.ts";

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

function handshake(path: string, ...lines: readonly string[]): string {
  const head = ["Host: a", "Connection: upgrade", "Sec-WebSocket-Version: 13", ...lines];
  return `GET ${path} HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n`;
}

const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const inHeader = `Authorization: Bearer ${token}`;
const inProtocol = `Sec-WebSocket-Protocol: bearer.${token}`;

test.each(["websocket", "WebSocket", "WEBSOCKET"])("Upgrade: %s is a WebSocket's", async (upgrade) => {
  const run = await api.accept({ stageId: "case" });
  await api.finish(run);
  for (const bearing of [inHeader, inProtocol]) {
    const head = handshake("/stage/case/logs?stream=ws", `Upgrade: ${upgrade}`, key, bearing);
    expect(await raw(api.url, head)).toStartWith("HTTP/1.1 101");
  }
  const nobody = handshake("/stage/case/logs?stream=ws", `Upgrade: ${upgrade}`, key);
  expect(await raw(api.url, nobody)).toStartWith("HTTP/1.1 401");
});

test("an upgrade needs stream=ws", async () => {
  await api.accept({ stageId: "other" });
  for (const query of ["", "?stream=sse", "?stream=http", "?after=1"]) {
    const answer = await raw(
      api.url,
      handshake(`/stage/other/logs${query}`, "Upgrade: WebSocket", key, inHeader),
      /}$/,
    );
    expect(answer).toStartWith("HTTP/1.1 422");
    expect(answer).toContain("application/problem+json");
    expect(answer).toContain(
      '"errors":[{"path":"query.stream","message":"must be \\"ws\\" for a WebSocket"}]',
    );
  }
});

test("what is wrong with an upgrade is said before it", async () => {
  await api.accept({ stageId: "wrong" });
  const complete = /}$/;
  const wrongs = {
    "/stage/wrong/logs?stream=ws&after=x": "422",
    "/stage/wrong/logs?stream=ws&odd=1": "422",
    "/stage/never/logs?stream=ws": "404",
    "/stage/wrong?stream=ws": "404",
    "/nowhere": "404",
  };
  for (const [path, status] of Object.entries(wrongs)) {
    const answer = await raw(api.url, handshake(path, "Upgrade: WebSocket", key, inHeader), complete);
    expect([path, answer.slice(9, 12)]).toEqual([path, status]);
    expect(answer).toContain("application/problem+json");
  }
});

test("half a handshake is no upgrade, and neither is one that came over no network", async () => {
  await api.accept({ stageId: "half" });
  const head = handshake("/stage/half/logs?stream=ws", "Upgrade: websocket", inProtocol);
  const answer = await raw(api.url, head, /}$/);
  expect(answer).toStartWith("HTTP/1.1 426");
  expect(answer).not.toContain(token);
  expect(answer).toContain("application/problem+json");
  const request = new Request("http://a/stage/half/logs?stream=ws", {
    headers: { ...bearer, upgrade: "websocket" },
  });
  expect((await api.handle(request)).status).toBe(426);
});

test("a client that vanishes is forgotten", async () => {
  await using other = await startTestApi();
  const run = await other.accept({ stageId: "gone" });
  await other.print(run, ["one"]);
  const forgotten = Promise.withResolvers<void>();
  const onChange = other.store.onChange.bind(other.store);
  other.store.onChange = (listener) => {
    const unsubscribe = onChange(listener);
    return () => {
      unsubscribe();
      forgotten.resolve();
    };
  };
  const socket = new WebSocket(`${other.url.replace("http", "ws")}/stage/gone/logs?stream=ws`, {
    headers: bearer,
  });
  socket.addEventListener("message", () => socket.terminate());
  await forgotten.promise;
  expect(other.log.lines).toEqual([]);
});

test("what goes wrong inside is told by the close code alone", async () => {
  await using other = await startTestApi();
  await other.accept({ stageId: "broken" });
  other.store.readLog = () => {
    throw new Error("hunter2");
  };
  expect(await readSocket(other, "broken")).toEqual({ frames: [], code: 1011, protocol: "" });
  expect(other.log.lines).toEqual([{ message: "log stream failed", facts: { error: "hunter2" } }]);
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
