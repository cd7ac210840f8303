import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestApi } from "../../support/api-fakes.ts";
import { jsonOf, startTestApi, token } from "../../support/api-fakes.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("the runner's configuration has the mission's keys and no others", async () => {
  const answer = await api.get("/runner/config");
  expect(await answer.json()).toEqual({
    registration: { id: "runner-1", url: "https://ci.example/runners/runner-1", token },
    defaultImage: "alpine:latest",
    defaultTimeout: 900,
    successExit: [0],
  });
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
});

test("the version comes with the commit it was made from", async () => {
  expect(await (await api.get("/runner/version")).json()).toEqual({ version: "0.1.0", commit: "c0ffee" });
});

test("health needs no token and tells nothing", async () => {
  const answer = await fetch(`${api.url}/healthz`);
  expect(await answer.json()).toEqual({ status: "ok" });
});

test("the cache is reset with no body at all, whatever type it is said to have", async () => {
  for (const headers of [
    {},
    { "content-type": "application/json" },
    { "content-type": "text/plain" },
    { "content-type": "nonsense" },
  ]) {
    const answer = await api.post("/cache/reset", undefined, headers);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ cleared: 0, bytes: 0 });
  }
});

test("the cache is reset for a pipeline or a stage, named in the body, the query or both alike", async () => {
  expect((await api.post("/cache/reset", { pipelineId: "p", stageId: "s" })).status).toBe(200);
  expect((await api.post("/cache/reset?pipelineId=p&stageId=s")).status).toBe(200);
  expect((await api.post("/cache/reset?pipelineId=p", { pipelineId: "p", stageId: "s" })).status).toBe(200);
  const conflict = await api.post("/cache/reset?pipelineId=p", { pipelineId: "q" });
  expect(conflict.status).toBe(422);
  expect((await jsonOf(conflict)).errors).toEqual([
    { path: "query.pipelineId", message: "differs from the body's" },
  ]);
});

test("a cache isn't reset on a request that may mean something else", async () => {
  for (const body of [
    '{"pipeline":"p"}',
    "[]",
    "null",
    '{"pipelineId":""}',
    '{"stageId":"../x"}',
    '{"stageId":null}',
  ]) {
    expect((await api.post("/cache/reset", body)).status).toBe(422);
  }
  expect(
    (await api.post("/cache/reset", "stageId=s", { "content-type": "application/x-www-form-urlencoded" }))
      .status,
  ).toBe(415);
  expect((await api.post("/cache/reset?stage=x")).status).toBe(422);
  expect((await api.post("/cache/reset", "{")).status).toBe(400);
  expect((await api.get("/cache/reset")).status).toBe(405);
});
