import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/shared/clock.ts";
import { eventsFile, indexFile, runFolder, stateFile } from "../../../src/store/layout.ts";
import { Store } from "../../../src/store/store.ts";
import {
  failureOf,
  acceptRun,
  finished,
  newFolder,
  openStore,
  plan,
  requestOf,
  started,
  removeFolders,
} from "./samples.ts";

afterAll(removeFolders);

const hostileIds = [
  "",
  ".",
  "..",
  "../../etc",
  "%2e%2e%2f",
  "a\0b",
  "a\nb",
  "x".repeat(10_000),
  "__proto__",
  Bun.randomUUIDv7(),
];

test("an accepted run is on disk when the promise resolves, in files that only the owner reads", async () => {
  const folder = newFolder();
  const store = await Store.open({
    folder: join(folder, "deep", "state"),
    durable: true,
    clock: systemClock,
  });
  const runId = await acceptRun(store);
  const top = join(folder, "deep", "state");
  const [event] = readFileSync(eventsFile(top, runId), "utf8").split("\n");
  expect(JSON.parse(event ?? "")).toMatchObject({ seq: 1, runId, type: "accepted", request: requestOf() });
  expect(JSON.parse(readFileSync(stateFile(top, runId), "utf8"))).toMatchObject({ runId, status: "PENDING" });
  for (const path of [top, runFolder(top, runId)]) expect(statSync(path).mode & 0o077).toBe(0);
  for (const path of [eventsFile(top, runId), stateFile(top, runId), indexFile(top)]) {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
});

test("the next process finds every run as it was left, the unfinished in order of acceptance", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runs: string[] = [];
  for (let index = 0; index < 6; index += 1) runs.push(await acceptRun(store, { stageId: `s${index}` }));
  const [first = "", second = ""] = runs;
  await store.record(second, started);
  await store.record(first, started);
  await store.record(first, finished);
  const before = await Promise.all(runs.map((runId) => store.load(runId)));
  // No close: a crash.
  const next = await openStore(folder);
  expect(await Promise.all(runs.map((runId) => next.load(runId)))).toEqual(before);
  expect((await next.unfinished()).map((state) => state.runId)).toEqual(runs.slice(1));
  expect(next.runs().map((summary) => summary.runId)).toEqual(runs.toReversed());
  expect(next.runs().at(-1)).toMatchObject({ status: "SUCCESS", stageId: "s0" });
  expect((await next.events(first)).map((event) => [event.seq, event.type])).toEqual([
    [1, "accepted"],
    [2, "started"],
    [3, "finished"],
  ]);
});

test("a final run never changes and gets no more events", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  const final = await store.record(runId, finished);
  const bytes = readFileSync(eventsFile(folder, runId));
  expect(await store.record(runId, { ...finished, status: "FAILURE" })).toEqual(final);
  expect(await store.record(runId, started)).toEqual(final);
  expect(readFileSync(eventsFile(folder, runId)).equals(bytes)).toBe(true);
});

test("of many verdicts at once the first one counts", async () => {
  const store = await openStore(newFolder());
  const runId = await acceptRun(store);
  const verdicts = (["CANCELED", "FAILURE", "SUCCESS"] as const).map((status) =>
    store.record(runId, { ...finished, status }),
  );
  expect((await Promise.all(verdicts)).map((state) => state.status)).toEqual([
    "CANCELED",
    "CANCELED",
    "CANCELED",
  ]);
  expect((await store.events(runId)).length).toBe(2);
});

test("events recorded at the same time get seqs without gaps", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  await Promise.all(
    Array.from({ length: 50 }, (_, attempt) =>
      store.record(runId, { type: "started", attempt, deadline: "" }),
    ),
  );
  const events = await store.events(runId);
  expect(events.map((event) => event.seq)).toEqual(Array.from({ length: 51 }, (_, index) => index + 1));
});

test("the newest run of a stage and the run of a key are found, also after a restart", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const a = await acceptRun(store, { stageId: "test", pipelineId: "p1", idempotencyKey: "key-a" });
  const b = await acceptRun(store, { stageId: "test", pipelineId: "p2", idempotencyKey: "__proto__" });
  await store.record(a, finished);
  for (const opened of [store, await openStore(folder)]) {
    expect(opened.newestRunOf("test")).toBe(b);
    expect(opened.newestRunOf("test", "p1")).toBe(a);
    expect(opened.newestRunOf("test", "p3")).toBeUndefined();
    expect(opened.newestRunOf("constructor")).toBeUndefined();
    expect(opened.runWithIdempotencyKey("key-a")).toBe(a);
    expect(opened.runWithIdempotencyKey("__proto__")).toBe(b);
    expect(opened.runWithIdempotencyKey("key")).toBeUndefined();
  }
});

test("a key is known from the moment its run is being accepted", async () => {
  const store = await openStore(newFolder());
  const runId = Bun.randomUUIDv7();
  const accepting = store.accept(runId, requestOf({ idempotencyKey: "k" }), plan);
  expect(store.runWithIdempotencyKey("k")).toBe(runId);
  expect(await store.load(runId)).toEqual(await accepting);
});

test("any string is safe as an id", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  for (const id of hostileIds) {
    expect(await store.load(id)).toBeUndefined();
    expect(await store.events(id)).toEqual([]);
    expect(await store.artifacts(id)).toEqual([]);
    expect(await store.artifactFile(id, id)).toBeUndefined();
    expect(store.newestRunOf(id, id)).toBeUndefined();
    expect(await failureOf(store.record(id, started))).toMatchObject({ code: "not_found" });
  }
  for (const id of hostileIds.slice(0, -1))
    expect(String(await failureOf(store.accept(id, requestOf(), plan)))).toContain("UUIDv7");
  expect(readdirSync(folder).toSorted()).toEqual(["index.ndjson", "runs"]);
});

test("listeners hear of every event after it's on disk; one that throws harms no one", async () => {
  const folder = newFolder();
  const warnings: string[] = [];
  const store = await openStore(folder, warnings);
  const heard: [string, number][] = [];
  store.onChange(() => {
    throw new Error("clumsy");
  });
  const leave = store.onChange((state) => {
    const lines = readFileSync(eventsFile(folder, state.runId), "utf8").split("\n").length - 1;
    heard.push([state.status, lines]);
  });
  const runId = await acceptRun(store);
  await store.record(runId, started);
  leave();
  await store.record(runId, finished);
  expect(heard).toEqual([
    ["PENDING", 1],
    ["RUNNING", 2],
  ]);
  expect(warnings.length).toBe(3);
});

test("a run that can't be written is refused and leaves nothing; the next one goes well", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const blocked = Bun.randomUUIDv7();
  writeFileSync(join(runFolder(folder, blocked), ".."), "a file in the month's place");
  const request = requestOf({ idempotencyKey: "k" });
  expect(await failureOf(store.accept(blocked, request, plan))).toMatchObject({ code: "state_unwritable" });
  await store.unfinished();
  expect(await store.load(blocked)).toBeUndefined();
  expect(store.runWithIdempotencyKey("k")).toBeUndefined();
  rmSync(join(runFolder(folder, blocked), ".."));
  expect(await store.accept(Bun.randomUUIDv7(), request, plan)).toMatchObject({ status: "PENDING" });
  expect((await (await openStore(folder)).unfinished()).length).toBe(1);
});

test("an event that can't be written changes nothing", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  const events = readFileSync(eventsFile(folder, runId));
  rmSync(runFolder(folder, runId), { recursive: true });
  writeFileSync(runFolder(folder, runId), "");
  expect(await failureOf(store.record(runId, started))).toMatchObject({ code: "state_unwritable" });
  await store.unfinished();
  expect(await store.load(runId)).toMatchObject({ status: "PENDING", lastSeq: 1 });
  rmSync(runFolder(folder, runId));
  await Bun.write(eventsFile(folder, runId), events);
  expect(await store.record(runId, started)).toMatchObject({ status: "RUNNING", lastSeq: 2 });
});

test("work folders are closed to others and removed with all that is in them", async () => {
  const store = await openStore(newFolder());
  const runId = await acceptRun(store);
  const work = await store.workFolder(runId);
  expect(statSync(work).mode & 0o777).toBe(0o700);
  await Bun.write(join(work, "deep/er/file"), "x");
  chmodSync(join(work, "deep/er"), 0o500);
  expect(await store.workFolder(runId)).toBe(work);
  await store.removeWork(runId);
  await store.removeWork(runId);
  expect(existsSync(work)).toBe(false);
});

test("a state folder that can't be made says which and why", async () => {
  const file = join(newFolder(), "file");
  writeFileSync(file, "");
  expect(await failureOf(openStore(join(file, "state")))).toMatchObject({
    code: "state_unwritable",
    message: expect.stringContaining(file),
  });
});

test("a durable run goes from acceptance to its verdict, with a log and without", async () => {
  const folder = newFolder();
  const store = await Store.open({ folder, durable: true, clock: systemClock });
  const [quiet, loud] = [await acceptRun(store), await acceptRun(store)];
  const log = await store.openLog(loud);
  log.append([{ step: 1, text: "hello" }], 6);
  const totals = log.finish();
  await store.record(loud, started);
  expect(await store.record(loud, { ...finished, log: totals })).toMatchObject({ verdict: { log: totals } });
  expect(await store.record(quiet, finished)).toMatchObject({ status: "SUCCESS" });
  await store.close();
  expect((await openStore(folder)).runs().map((run) => run.status)).toEqual(["SUCCESS", "SUCCESS"]);
});
