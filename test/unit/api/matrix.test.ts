import { afterAll, beforeAll, expect, test } from "bun:test";
import type { RunState } from "../../../src/events/run-state.ts";
import { requestOf, startTestApi, triggerBody, type TestApi } from "../../support/api-fakes.ts";
import { stagePlan } from "../../support/stage-plan.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

/** The combinations of `test` accepted in a pipeline, as a trigger of it does. */
async function accept(
  pipelineId: string,
  names: readonly string[],
  more: { orgId?: string } = {},
): Promise<RunState[]> {
  const runs: RunState[] = [];
  for (const id of names.map((name) => `test:${name}`)) {
    const request = {
      ...requestOf({ ...triggerBody, ...more, pipelineId, stageId: id }),
      combinations: names.length,
    };
    runs.push(await api.store.accept(Bun.randomUUIDv7(), request, stagePlan({ id, matrixOf: "test" })));
  }
  return runs;
}

async function json(path: string): Promise<Record<string, unknown>> {
  const answer: unknown = await (await api.get(path)).json();
  if (typeof answer !== "object" || answer === null) throw new Error("no object");
  return { ...answer };
}

test("a matrix answers for its combinations, with the contract's keys first", async () => {
  const [one, two] = await accept("p1", ["20", "22"]);
  if (one === undefined || two === undefined) throw new Error("not accepted");
  const stage = await json("/stage/test");
  expect(Object.keys(stage).slice(0, 3)).toEqual(["pipelineId", "stageId", "status"]);
  expect(stage).toMatchObject({
    pipelineId: "p1",
    stageId: "test",
    status: "PENDING",
    cause: null,
    startedAt: null,
    finishedAt: null,
    runs: [
      { runId: one.runId, stageId: "test:20", status: "PENDING" },
      { runId: two.runId, stageId: "test:22", status: "PENDING" },
    ],
  });
  await api.finish(one, { status: "FAILURE", cause: "oom", reason: "too much" });
  expect(await json("/stage/test")).toMatchObject({
    status: "RUNNING",
    cause: null,
    reason: "",
    finishedAt: null,
  });
  await api.finish(two);
  const over = await json("/stage/test?pipelineId=p1");
  expect(over).toMatchObject({ status: "FAILURE", cause: "oom", reason: "too much" });
  expect(over["finishedAt"]).toBeString();
});

test("the newest pipeline counts unless one is named, and a newer run of a combination replaces the older", async () => {
  const [old] = await accept("p2", ["a", "b"]);
  await accept("p3", ["a"]);
  expect(await json("/stage/test")).toMatchObject({ pipelineId: "p3", runs: [{ stageId: "test:a" }] });
  const [again] = await accept("p2", ["a"]);
  const stage = await json("/stage/test?pipelineId=p2");
  const ids = Array.isArray(stage["runs"]) ? stage["runs"].map((run: { runId: string }) => run.runId) : [];
  expect(ids).toContain(again?.runId ?? "");
  expect(ids).not.toContain(old?.runId ?? "");
});

test("a pipeline of the same name in another organization stays out of it", async () => {
  await accept("p4", ["a"], { orgId: "theirs" });
  const [ours] = await accept("p4", ["b"]);
  expect(await json("/stage/test?pipelineId=p4")).toMatchObject({ runs: [{ runId: ours?.runId ?? "" }] });
});

test("a combination is a stage of its own, and one of the matrix's runs can be named", async () => {
  const [one] = await accept("p5", ["x", "y"]);
  const runId = one?.runId ?? "";
  const path = encodeURIComponent("test:x");
  expect(await json(`/stage/${path}?pipelineId=p5`)).toMatchObject({ stageId: "test:x", runId });
  expect(await json(`/stage/test?runId=${runId}`)).toMatchObject({ stageId: "test:x", runId });
  expect((await api.get(`/stage/other?runId=${runId}`)).status).toBe(404);
  expect((await api.get("/stage/test?pipelineId=nowhere")).status).toBe(404);
  const { runs } = await json("/runs?stageId=test&pipelineId=p5");
  expect(runs).toHaveLength(2);
});

test("a matrix has no log of its own: the answer names the combinations that have", async () => {
  const [one] = await accept("p6", ["x", "y"]);
  const answer = await api.get("/stage/test/logs?pipelineId=p6");
  expect(answer.status).toBe(422);
  expect(await answer.json()).toMatchObject({
    detail: '"test" is a matrix; name one of its combinations: test:x, test:y',
  });
  if (one !== undefined) await api.finish(one);
  expect((await api.get(`/stage/test/logs?runId=${one?.runId ?? ""}`)).status).toBe(200);
});

test("a trigger of a matrix answers as for its first combination, with all of them beside it", async () => {
  const { submit } = api.fakes;
  api.fakes.submit = async (request) =>
    api.store.accept(
      Bun.randomUUIDv7(),
      { ...request, combinations: 1, stageId: "test:1" },
      stagePlan({ id: "test:1", matrixOf: "test" }),
    );
  const answer: unknown = await (await api.post("/trigger", { ...triggerBody, stageId: "test" })).json();
  api.fakes.submit = submit;
  expect(answer).toMatchObject({
    stageId: "test:1",
    status: "PENDING",
    runs: [{ stageId: "test:1", status: "PENDING" }],
  });
  const plain: unknown = await (await api.post("/trigger", triggerBody)).json();
  expect(plain).not.toHaveProperty("runs");
});
