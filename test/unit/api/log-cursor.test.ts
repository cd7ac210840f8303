import { afterAll, beforeAll, expect, test } from "bun:test";
import type { RunState } from "../../../src/events/run-state.ts";
import type { TestApi } from "../../support/api-fakes.ts";
import { curl, startTestApi } from "../../support/api-fakes.ts";
import { eventsOf, firstBytes, readSocket } from "../../support/log-readers.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

let run: RunState;
beforeAll(async () => {
  run = await api.accept({ stageId: "cursor" });
  await api.print(run, ["1", "2", "3"], 1);
  await api.print(run, ["4", "5"], 2);
  await api.finish(run);
});

const texts = async (query: string, ...args: string[]): Promise<string> => {
  const { out } = await curl(...args, `${api.url}/stage/cursor/logs?stream=sse${query}`);
  const events = eventsOf(out);
  expect(events.at(-1)?.event).toBe("end");
  return events
    .slice(0, -1)
    .map(({ data }) => data.text)
    .join("");
};

test("takes up where the reader says it stopped, in every stream", async () => {
  expect(await texts("&after=3")).toBe("45");
  expect(await texts("", "-H", "Last-Event-ID: 3")).toBe("45");
  expect(await texts("&after=5")).toBe("");
  expect(await texts("&after=1000000")).toBe("");
  expect((await readSocket(api, "cursor", "&after=3")).frames.map(({ text }) => text)).toEqual([
    "4",
    "5",
    undefined,
  ]);
  expect((await curl(`${api.url}/stage/cursor/logs?stream=http&after=3`)).out).toBe("4\n5\n");
});

test("tail and step filter", async () => {
  expect(await texts("&tail=2")).toBe("45");
  expect(await texts("&tail=0")).toBe("");
  expect(await texts("&step=1")).toBe("123");
  expect(await texts("&step=1&tail=1")).toBe("3");
  expect((await readSocket(api, "cursor", "&step=2&tail=1")).frames.map(({ text }) => text)).toEqual([
    "5",
    undefined,
  ]);
  expect((await curl(`${api.url}/stage/cursor/logs?stream=http&tail=1`)).out).toBe("5\n");
});

test("a client that lost its connection loses no line to its tail, nor to the after it began with", async () => {
  expect(await texts("&tail=1", "-H", "Last-Event-ID: 1")).toBe("2345");
  expect(await texts("&after=4", "-H", "Last-Event-ID: 1")).toBe("2345");
  expect(await texts("&step=2&tail=1", "-H", "Last-Event-ID: 1")).toBe("45");
  expect((await api.get("/stage/cursor/logs?stream=sse", { "last-event-id": "x" })).status).toBe(422);
});

test("goes on with lines that come later", async () => {
  const later = await api.accept({ stageId: "later" });
  await api.print(later, ["1", "2", "3"]);
  const tail = curl(`${api.url}/stage/later/logs?stream=http&tail=1`);
  await firstBytes(api, `/stage/later/logs?stream=http`);
  await api.print(later, ["4"]);
  await api.finish(later);
  expect((await tail).out).toEndWith("4\n");
});
