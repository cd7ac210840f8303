import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestApi } from "../../support/api-fakes.ts";
import { curl, jsonOf, startTestApi } from "../../support/api-fakes.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("runs are listed newest first, in pages, and by status, stage and pipeline", async () => {
  const runs = [];
  for (let index = 0; index < 5; index++) {
    runs.push(await api.accept({ stageId: index % 2 === 0 ? "even" : "odd", pipelineId: `list-${index}` }));
  }
  const ids = runs.map(({ runId }) => runId).toReversed();
  const [first] = runs;
  if (first === undefined) throw new Error("no run");
  await api.finish(first);
  const list = async (query: string): Promise<{ ids: string[]; nextCursor: string | null }> => {
    const { runs: page, nextCursor } = await jsonOf(api.get(`/runs${query}`));
    return { ids: page.map(({ runId }: { runId: string }) => runId), nextCursor };
  };
  expect(await list("")).toEqual({ ids, nextCursor: null });
  const page1 = await list("?limit=2");
  expect(page1).toEqual({ ids: ids.slice(0, 2), nextCursor: ids[1] ?? "" });
  expect(await list(`?limit=2&cursor=${page1.nextCursor}`)).toEqual({
    ids: ids.slice(2, 4),
    nextCursor: ids[3] ?? "",
  });
  expect(await list(`?limit=2&cursor=${ids[3]}`)).toEqual({ ids: ids.slice(4), nextCursor: null });
  expect((await list("?status=SUCCESS")).ids).toEqual(ids.slice(4));
  expect((await list("?status=PENDING")).ids).toEqual(ids.slice(0, 4));
  expect((await list("?stageId=odd")).ids).toEqual([ids[1] ?? "", ids[3] ?? ""]);
  expect((await list("?pipelineId=list-2&stageId=even")).ids).toEqual([ids[2] ?? ""]);
  expect((await list("?pipelineId=none")).ids).toEqual([]);
  expect((await list("?cursor=0")).ids).toEqual([]);
  const [run] = (await jsonOf(api.get("/runs?limit=1"))).runs;
  expect(Object.keys(run ?? {})).toEqual([
    "pipelineId",
    "runId",
    "stageId",
    "status",
    "orgId",
    "repoId",
    "createdAt",
    "finishedAt",
  ]);
});

test.each(["limit=0", "limit=1001", "limit=-1", "limit=x", "status=success", "status=", "cursor=", "x=1"])(
  "a list with %p is refused",
  async (query) => {
    expect((await api.get(`/runs?${query}`)).status).toBe(422);
  },
);

test("a run is found by its id", async () => {
  const run = await api.accept();
  const body = await jsonOf(api.get(`/run/${run.runId}`));
  expect(body).toMatchObject({
    pipelineId: "pipeline-1",
    runId: run.runId,
    stageId: "build",
    status: "PENDING",
  });
  expect((await api.get("/run/nope")).status).toBe(404);
});

test("a run for which an earlier one stands says for which", async () => {
  const run = await api.accept();
  const standsFor = { runId: "r0", pipelineId: "p0", finishedAt: "2026-01-01T00:00:00.000Z" };
  await api.finish(run, {
    status: "PASSED",
    exitCode: null,
    reason: "passed over: nothing has changed",
    standsFor,
  });
  for (const path of [`/run/${run.runId}`, `/stage/build?runId=${run.runId}`])
    expect(await (await api.get(path)).json()).toMatchObject({ status: "PASSED", cause: null, standsFor });
  const events = await (await api.get(`/run/${run.runId}/events`)).text();
  expect(events).toContain(`"standsFor":${JSON.stringify(standsFor)}`);
  const other = await api.accept();
  expect(await (await api.get(`/run/${other.runId}`)).json()).toMatchObject({ standsFor: null });
});

test("a run is cancelled, whatever body comes with it", async () => {
  const run = await api.accept();
  const answer = await api.post(`/run/${run.runId}/cancel`, "not json", { "content-type": "text/plain" });
  expect(answer.status).toBe(200);
  expect(await jsonOf(answer)).toMatchObject({
    runId: run.runId,
    status: "CANCELED",
    cause: "canceled",
    cancelRequestedBy: "api",
  });
  expect((await api.post("/run/nope/cancel")).status).toBe(404);
});

test("a run's events are told as they happen, from the first, and after the last the stream ends", async () => {
  const run = await api.accept({ variables: { PASSWORD: "hunter2" } });
  const answer = curl(`${api.url}/run/${run.runId}/events`);
  await api.store.record(run.runId, { type: "started", attempt: 1, deadline: "2026-01-01T00:15:00.000Z" });
  await api.store.record(run.runId, { type: "cancel_requested", by: "api" });
  await api.finish(run);
  const { out, exitCode } = await answer;
  expect(exitCode).toBe(0);
  expect(out).not.toContain("hunter2");
  expect(out).not.toContain("/srv/git");
  expect(out.match(/^(event|id): .*/gm)).toEqual([
    "event: status",
    "id: 1",
    "event: status",
    "id: 2",
    "event: status",
    "id: 3",
    "event: status",
    "id: 4",
    "event: end",
  ]);
  const data = [...out.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => JSON.parse(json));
  expect(data.map(({ status, type }) => `${type} ${status}`)).toEqual([
    "accepted PENDING",
    "started RUNNING",
    "cancel_requested undefined",
    "finished SUCCESS",
    "finished SUCCESS",
  ]);
  const resumed = await curl("-H", "Last-Event-ID: 3", `${api.url}/run/${run.runId}/events`);
  expect(resumed.out.match(/^id: .*/gm)).toEqual(["id: 4"]);
  expect((await api.get("/run/nope/events")).status).toBe(404);
  expect((await api.get(`/run/${run.runId}/events`, { "last-event-id": "x" })).status).toBe(422);
});
