import { afterAll, beforeAll, expect, test } from "bun:test";
import type { RunState } from "../../../src/events/run-state.ts";
import { problemOf, requestOf, startTestApi, type TestApi, triggerBody } from "../../support/api-fakes.ts";
import { stagePlan } from "../../support/stage-plan.ts";

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const image = (name: string) => ({ name, pullPolicy: "if_not_present" }) as const;
const services = [
  { image: image("postgres:16"), alias: "db", variables: { POSTGRES_PASSWORD: "hunter2" } },
  { image: image("registry.example:5000/a/redis:7"), variables: {} },
];

function accept(): Promise<RunState> {
  return api.store.accept(Bun.randomUUIDv7(), requestOf(triggerBody), stagePlan({ services }));
}

test("a run's services are told in the manifest's order, and wait before it has begun", async () => {
  const { runId } = await accept();
  const answer = await api.get(`/run/${runId}/services`);
  const text = await answer.text();
  expect(JSON.parse(text)).toEqual({
    pipelineId: "pipeline-1",
    runId,
    stageId: "build",
    services: [
      { alias: "db", image: "postgres:16", state: "waiting", exitCode: null, outOfMemory: false },
      {
        alias: "redis",
        image: "registry.example:5000/a/redis:7",
        state: "waiting",
        exitCode: null,
        outOfMemory: false,
      },
    ],
  });
  expect(text).not.toContain("hunter2");
});

test("what became of them is told as it is recorded", async () => {
  const { runId } = await accept();
  const ended = {
    alias: "db",
    image: "postgres:16",
    state: "ended",
    exitCode: 137,
    outOfMemory: true,
  } as const;
  await api.store.recordServices(runId, [ended]);
  const body = JSON.parse(await (await api.get(`/run/${runId}/services`)).text());
  expect(body.services.map(({ state }: { state: string }) => state)).toEqual(["ended", "waiting"]);
  expect(body.services[0]).toEqual(ended);
});

test("a service's log is text, whatever it holds, and as fresh as it can be while the run goes on", async () => {
  const run = await accept();
  let asked = 0;
  api.fakes.freshenServiceLog = async ({ runId }, alias) => {
    asked += 1;
    const lines = ["<script>alert(1)</script>", `line ${String(asked)} é`];
    await api.store.keepServiceLog(runId, alias, { lines, isCut: false });
  };
  const path = `/run/${run.runId}/services/db/logs`;
  for (const round of [1, 2]) {
    const answer = await api.get(path);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await answer.text()).toBe(`<script>alert(1)</script>\nline ${String(round)} é\n`);
  }
  api.fakes.freshenServiceLog = () => Promise.reject(new Error("the engine is away"));
  expect(await (await api.get(path)).text()).toEndWith("line 2 é\n");
  await api.finish(run);
  expect(await (await api.get(path)).text()).toEndWith("line 2 é\n");
  expect(asked).toBe(2);
});

test("a service that has no log yet has an empty one", async () => {
  const run = await accept();
  api.fakes.freshenServiceLog = async () => {};
  const answer = await api.get(`/run/${run.runId}/services/redis/logs`);
  expect([answer.status, await answer.text()]).toEqual([200, ""]);
});

test.each(["nobody", "..%2f..%2f..%2fetc%2fpasswd", "%00", "DB", "postgres"])(
  "there is no service %s",
  async (alias) => {
    const { runId } = await accept();
    const answer = await api.get(`/run/${runId}/services/${alias}/logs`);
    expect([404, 422]).toContain(answer.status);
    await problemOf(answer);
  },
);

test("neither has a run that isn't there, nor one without services", async () => {
  const nobody = Bun.randomUUIDv7();
  for (const path of [`/run/${nobody}/services`, `/run/${nobody}/services/db/logs`, "/run/x/services"]) {
    expect((await api.get(path)).status).toBe(404);
  }
  const run = await api.accept();
  const body = JSON.parse(await (await api.get(`/run/${run.runId}/services`)).text());
  expect(body.services).toEqual([]);
  expect((await fetch(`${api.url}/run/${run.runId}/services`)).status).toBe(401);
});
