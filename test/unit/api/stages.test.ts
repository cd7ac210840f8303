import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestApi } from "../../support/api-fakes.ts";
import { jsonOf, startTestApi } from "../../support/api-fakes.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("a stage's status begins with the mission's keys and goes on with ours", async () => {
  const run = await api.accept({ stageId: "status" });
  const pending = await jsonOf(api.get("/stage/status"));
  expect(Object.keys(pending).slice(0, 3)).toEqual(["pipelineId", "stageId", "status"]);
  expect(pending).toMatchObject({
    pipelineId: "pipeline-1",
    stageId: "status",
    status: "PENDING",
    runId: run.runId,
    ref: "main",
    sha: "a".repeat(40),
    exitCode: null,
    cause: null,
    startedAt: null,
    finishedAt: null,
    steps: [],
    attempts: 0,
  });
  await api.store.record(run.runId, { type: "started", attempt: 1, deadline: "2026-01-01T00:15:00.000Z" });
  expect((await jsonOf(api.get("/stage/status"))).status).toBe("RUNNING");
  await api.finish(run, {
    status: "FAILURE",
    exitCode: 3,
    cause: "script",
    reason: "command 1 exited with 3",
  });
  const body = await jsonOf(api.get("/stage/status"));
  expect(body).toMatchObject({
    status: "FAILURE",
    exitCode: 3,
    cause: "script",
    reason: "command 1 exited with 3",
    attempts: 1,
  });
  expect(body.steps).toEqual([
    { step: 1, section: "script", command: "make", exitCode: 0, durationSeconds: 0.5 },
  ]);
  expect(body.usage).toEqual({
    queueSeconds: 0.1,
    pullSeconds: null,
    runSeconds: 1,
    peakMemoryBytes: null,
    cpuSeconds: null,
  });
});

test("tries that failed before the last one are told", async () => {
  const { runId } = await api.accept({ stageId: "flaky" });
  expect(await jsonOf(api.get(`/run/${runId}`))).toMatchObject({ tries: [] });
  await api.store.record(runId, { type: "started", attempt: 1, deadline: "2026-01-01T00:15:00.000Z" });
  const failed = { attempt: 1, exitCode: 3, cause: "script", reason: "command 1 ended with 3" } as const;
  const rest = { steps: [], lines: 2, finishedAt: "2026-01-01T00:01:00.000Z" };
  await api.store.record(runId, { type: "try_failed", ...failed, ...rest, usage: { runSeconds: 2 } });
  const body = await jsonOf(api.get(`/run/${runId}`));
  expect(body).toMatchObject({ status: "RUNNING", attempts: 1, tries: [{ ...failed, ...rest }] });
});

test("no path of this machine and no variable is told", async () => {
  await api.accept({ stageId: "quiet", variables: { PASSWORD: "hunter2" } });
  const text = await (await api.get("/stage/quiet")).text();
  expect(text).not.toContain("hunter2");
  expect(text).not.toContain("/srv/git");
});

test("the newest run is meant, unless the pipeline or the run is named", async () => {
  const first = await api.accept({ stageId: "narrow", pipelineId: "p1" });
  const second = await api.accept({ stageId: "narrow", pipelineId: "p2" });
  const idAt = async (query: string): Promise<unknown> =>
    (await jsonOf(api.get(`/stage/narrow${query}`))).runId;
  expect(await idAt("")).toBe(second.runId);
  expect(await idAt("?pipelineId=p1")).toBe(first.runId);
  expect(await idAt(`?runId=${first.runId}`)).toBe(first.runId);
  expect(await idAt(`?pipelineId=p1&runId=${first.runId}`)).toBe(first.runId);
});

test("what doesn't fit together isn't found", async () => {
  const run = await api.accept({ stageId: "fits", pipelineId: "p1" });
  for (const path of [
    "/stage/never",
    "/stage/fits?pipelineId=p2",
    `/stage/other?runId=${run.runId}`,
    `/stage/fits?pipelineId=p2&runId=${run.runId}`,
    "/stage/fits?runId=nope",
    "/stage/never/logs",
    "/stage/never/logs?stream=sse",
    "/stage/fits/logs?runId=nope",
  ]) {
    const answer = await api.get(path);
    expect([path, answer.status]).toEqual([path, 404]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  }
});

test("the log of a stage is there from the start, as far as it is written", async () => {
  const run = await api.accept({ stageId: "log" });
  const logs = async (query = ""): Promise<unknown> => jsonOf(api.get(`/stage/log/logs${query}`));
  expect(await logs()).toEqual({ pipelineId: "pipeline-1", stageId: "log", runId: run.runId, logs: "" });
  await api.print(run, ["first", 'é "quoted" \\ \u001b[1m\ttab', "a long li~>", "ne"]);
  const text = 'first\né "quoted" \\ \u001b[1m\ttab\na long line\n';
  expect(await logs()).toEqual({ pipelineId: "pipeline-1", stageId: "log", runId: run.runId, logs: text });
  await api.finish(run);
  expect(await logs()).toMatchObject({ logs: text });
});

test("after, tail and step cut the log", async () => {
  const run = await api.accept({ stageId: "cut" });
  await api.print(run, ["1", "2", "3"], 1);
  await api.print(run, ["4", "5"], 2);
  await api.print(run, ["6"], 1);
  const logs = async (query: string): Promise<string> => {
    const body: { logs: string } = await jsonOf(api.get(`/stage/cut/logs?${query}`));
    return body.logs.replaceAll("\n", "");
  };
  for (const isFinal of [false, true]) {
    if (isFinal) await api.finish(run);
    expect(await logs("after=0")).toBe("123456");
    expect(await logs("after=4")).toBe("56");
    expect(await logs("after=6")).toBe("");
    expect(await logs("after=999999999999999")).toBe("");
    expect(await logs("tail=2")).toBe("56");
    expect(await logs("tail=0")).toBe("");
    expect(await logs("tail=100")).toBe("123456");
    expect(await logs("after=4&tail=5")).toBe("56");
    expect(await logs("step=1")).toBe("1236");
    expect(await logs("step=2")).toBe("45");
    expect(await logs("step=9")).toBe("");
    expect(await logs("step=1&tail=2")).toBe("36");
    expect(await logs("step=1&after=2")).toBe("36");
    expect(await logs("step=1&after=1&tail=2")).toBe("36");
  }
});
