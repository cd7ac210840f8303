import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestApi } from "../../support/api-fakes.ts";
import { bearer, problemOf, raw, startTestApi, token, triggerBody } from "../../support/api-fakes.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const authorization = `Authorization: Bearer ${token}\r\n`;
const secret = "hunter2";

test.each([
  `{"pipelineId": "${secret}`,
  `{${secret}}`,
  secret,
  "{",
  "[",
  "\u0000",
  "{'a':1}",
  "undefined",
  "NaN",
  '{"a":1}x',
  "   ",
])("%p is malformed", async (body) => {
  expect((await problemOf(await api.post("/trigger", body))).status).toBe(400);
});

test("bytes that aren't UTF-8 are malformed", async () => {
  const body = Buffer.concat([Buffer.from('{"pipelineId":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
  expect((await problemOf(await api.post("/trigger", body))).detail).toBe("the body isn't UTF-8");
});

test.each(["null", "[]", "1", '"x"', "true", "{}", "[{}]"])("%p isn't what is expected", async (body) => {
  expect((await problemOf(await api.post("/trigger", body))).status).toBe(422);
});

test("no body is an empty one", async () => {
  const problem = await problemOf(await api.post("/trigger"));
  expect(problem.errors?.map(({ path, message }) => `${path} ${message}`)).toEqual(
    ["pipelineId", "orgId", "repoId", "gitRepoDir", "stageId"].map((key) => `body.${key} is required`),
  );
});

test("a very deep one is refused, and the server goes on", async () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    const depth = Math.floor(500_000 / open.length);
    const problem = await problemOf(
      await api.post("/trigger", open.repeat(depth) + (open === "[" ? "" : "1") + close.repeat(depth)),
    );
    expect(problem.detail).toBe("the body is nested too deep");
  }
  expect((await api.get("/healthz")).status).toBe(200);
});

test("over 1 MiB is too large, whether its length is told or not", async () => {
  const body = JSON.stringify({ ...triggerBody, ref: "x".repeat(1024 * 1024) });
  expect((await problemOf(await api.post("/trigger", body))).status).toBe(413);
  const pieces = new ReadableStream({
    start(controller) {
      for (let count = 0; count < 40; count++) controller.enqueue(Buffer.alloc(64 * 1024, " "));
      controller.close();
    },
  });
  const chunked = await fetch(`${api.url}/trigger`, {
    method: "POST",
    headers: { ...bearer, "content-type": "application/json" },
    body: pieces,
  });
  expect((await problemOf(chunked)).status).toBe(413);
  expect(
    await raw(
      api.url,
      `POST /trigger HTTP/1.1\r\nHost: a\r\n${authorization}Content-Length: 99999999999999\r\n\r\n`,
    ),
  ).toStartWith("HTTP/1.1 413");
  expect((await api.get("/healthz")).status).toBe(200);
});

test("exactly 1 MiB is read", async () => {
  const rest = JSON.stringify({ ...triggerBody, x: "" }).length;
  const body = JSON.stringify({ ...triggerBody, x: "y".repeat(1024 * 1024 - rest) });
  expect(body.length).toBe(1024 * 1024);
  expect((await problemOf(await api.post("/trigger", body))).errors?.[0]).toEqual({
    path: "body.x",
    message: "unknown key",
  });
});

test.each([
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/jsonx",
  "text/json",
  "application/json; charset=latin1",
  "x",
])("%p isn't JSON's type", async (type) => {
  expect((await problemOf(await api.post("/trigger", triggerBody, { "content-type": type }))).status).toBe(
    415,
  );
});

test.each([
  "application/json",
  "application/json; charset=utf-8",
  "Application/JSON;charset=UTF8",
  "application/vnd.gitfoss+json",
])("%p is", async (type) => {
  expect((await api.post("/trigger", triggerBody, { "content-type": type })).status).toBe(200);
});

test("a hundred thousand unknown keys give a short answer", async () => {
  const keys = Array.from({ length: 60_000 }, (_, index) => [`key${index}`, 1]);
  const answer = await api.post("/trigger", { ...triggerBody, ...Object.fromEntries(keys) });
  expect(answer.status).toBe(422);
  expect((await answer.text()).length).toBeLessThan(10_000);
});
