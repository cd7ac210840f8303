import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RunState } from "../../../src/events/run-state.ts";
import type { TestApi } from "../../support/api-fakes.ts";
import { bearer, curl, startTestApi, token } from "../../support/api-fakes.ts";
import { eventsOf, readEventSource, readSocket, readWithWs } from "../../support/log-readers.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const nasty = [
  "hello",
  '\u001b[31mred é\u001b[0m "q" \\',
  "\nevent: end\ndata: {}\n",
  "a long li~>",
  "ne",
  "",
];
const nastyText = 'hello\n\u001b[31mred é\u001b[0m "q" \\\n\nevent: end\ndata: {}\n\na long line\n\n';

/** Prints in two parts, with readers that came before the first. */
async function playNasty(run: RunState): Promise<RunState> {
  await api.store.record(run.runId, { type: "started", attempt: 1, deadline: "2026-01-01T00:15:00.000Z" });
  await api.print(run, nasty.slice(0, 2));
  await api.print(run, nasty.slice(2), 2);
  return api.finish(run, { status: "FAILURE", exitCode: 2, cause: "script" });
}

describe("from PENDING to the end", () => {
  test("http carries the log's own bytes, and its end is the log's", async () => {
    const run = await api.accept({ stageId: "http" });
    const live = curl("-i", `${api.url}/stage/http/logs?stream=http`);
    const { verdict } = await playNasty(run);
    const { out, exitCode } = await live;
    const [head = "", ...body] = out.split("\r\n\r\n");
    expect(exitCode).toBe(0);
    expect(head.toLowerCase()).toContain("content-type: text/plain; charset=utf-8");
    expect(body.join("\r\n\r\n")).toBe(nastyText);
    expect(new Bun.CryptoHasher("sha256").update(body.join("")).digest("hex")).toBe(
      verdict?.log.sha256 ?? "",
    );
    expect((await curl(`${api.url}/stage/http/logs?stream=http`)).out).toBe(nastyText);
    expect((await curl(`${api.url}/stage/http/logs?stream=http&after=4`)).out).toBe("ne\n\n");
  });

  test("sse carries the lines as they are stored, and says how it ended", async () => {
    const run = await api.accept({ stageId: "sse" });
    const live = curl(`${api.url}/stage/sse/logs?stream=sse`);
    const library = readEventSource(api, "sse");
    const { verdict } = await playNasty(run);
    const { out, exitCode } = await live;
    expect(exitCode).toBe(0);
    expect(out).toStartWith(":");
    const events = eventsOf(out);
    expect(events.map(({ event, id }) => `${event} ${id}`)).toEqual([
      "log 1",
      "log 2",
      "log 3",
      "log 4",
      "log 5",
      "log 6",
      "end undefined",
    ]);
    expect(events[1]?.data).toEqual({
      seq: 2,
      time: expect.any(String),
      stream: "stdout",
      step: 1,
      text: nasty[1] ?? "",
    });
    expect(Object.keys(events[6]?.data ?? {})).toEqual(["status", "exitCode", "lines", "bytes", "sha256"]);
    expect(events[6]?.data).toEqual({ status: "FAILURE", exitCode: 2, ...verdict?.log });
    const { ids, texts, end } = await library;
    expect(ids).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(texts[2]).toBe(nasty[2] ?? "");
    expect(end).toEqual({ status: "FAILURE", exitCode: 2, ...verdict?.log });
  });

  test("ws carries a frame a line, then the end, then closes", async () => {
    const run = await api.accept({ stageId: "ws" });
    const readers = [
      readSocket(api, "ws"),
      readSocket(api, "ws", "", [`bearer.${token}`]),
      readWithWs(api, "ws", ["gitfoss", `bearer.${token}`]),
    ];
    const { verdict } = await playNasty(run);
    const [byHeader, byProtocol, byOther] = await Promise.all(readers);
    for (const received of [byHeader, byProtocol, byOther]) {
      expect(received?.code).toBe(1000);
      expect(received?.frames.map(({ type, seq }) => `${type} ${seq}`)).toEqual([
        "log 1",
        "log 2",
        "log 3",
        "log 4",
        "log 5",
        "log 6",
        "end undefined",
      ]);
      expect(received?.frames[1]).toEqual({
        type: "log",
        seq: 2,
        time: expect.any(String),
        stream: "stdout",
        step: 1,
        text: nasty[1] ?? "",
      });
      expect(received?.frames[6]).toEqual({
        type: "end",
        status: "FAILURE",
        exitCode: 2,
        ...verdict?.log,
      });
    }
    expect(byProtocol?.protocol).toBe(`bearer.${token}`);
    expect(byOther?.protocol).toBe("gitfoss");
  });

  test("a run that is cancelled before it began ends its streams", async () => {
    const run = await api.accept({ stageId: "cancelled" });
    const streams = [
      curl(`${api.url}/stage/cancelled/logs?stream=sse`),
      curl(`${api.url}/stage/cancelled/logs?stream=http`),
    ];
    const socket = readSocket(api, "cancelled");
    await api.post(`/run/${run.runId}/cancel`);
    const [sse, http] = await Promise.all(streams);
    expect(eventsOf(sse?.out ?? "")).toEqual([
      { event: "end", data: expect.objectContaining({ status: "CANCELED", lines: 0 }) },
    ]);
    expect(http).toEqual({ out: "", exitCode: 0 });
    expect((await socket).frames.map(({ type }) => type)).toEqual(["end"]);
  });
});

test("when the server stops, every reader can tell that the log isn't over", async () => {
  await using other = await startTestApi();
  const run = await other.accept({ stageId: "stop" });
  await other.store.record(run.runId, { type: "started", attempt: 1, deadline: "2026-01-01T00:15:00.000Z" });
  await other.print(run, ["one"]);
  const path = `${other.url}/stage/stop/logs`;
  const [http, sse, events] = await Promise.all([
    begun(`${path}?stream=http`, "one"),
    begun(`${path}?stream=sse`, "one"),
    begun(`${other.url}/run/${run.runId}/events`, "RUNNING"),
  ]);
  const closed = Promise.withResolvers<number>();
  const seen = Promise.withResolvers<void>();
  const socket = new WebSocket(`${path.replace("http", "ws")}?stream=ws`, { headers: bearer });
  socket.addEventListener("message", () => seen.resolve());
  socket.addEventListener("close", ({ code }) => closed.resolve(code));
  await seen.promise;
  const startMs = performance.now();
  await other.stop();
  expect(performance.now() - startMs).toBeLessThan(2000);
  expect(await http().catch(() => "broken off")).toBe("broken off");
  expect(await closed.promise).toBe(1001);
  const said = await sse();
  expect(said).not.toContain("event: end");
  expect(eventsOf(said).map(({ data }) => data.text)).toEqual(["one"]);
  expect(await events()).not.toContain("event: end");
});

/** Reads until `text` has come; what it returns reads on to the end, and answers with all that came. */
async function begun(url: string, text: string): Promise<() => Promise<string>> {
  const answer = await fetch(url, { headers: bearer });
  const reader = answer.body?.getReader();
  let all = "";
  const readOn = async (isEnough: () => boolean): Promise<string> => {
    for (;;) {
      const piece = await reader?.read();
      if (piece?.value !== undefined) all += Buffer.from(piece.value).toString();
      if (piece === undefined || piece.done || isEnough()) return all;
    }
  };
  await readOn(() => all.includes(text));
  return () => readOn(() => false);
}
