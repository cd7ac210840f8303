import { afterAll, expect, test } from "bun:test";
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventsFile, indexFile, runFolder, stateFile } from "../../../src/store/layout.ts";
import { acceptRun, finished, newFolder, openStore, started, removeFolders } from "./samples.ts";

afterAll(removeFolders);

test("a journal cut at any byte gives the run as it was at its last whole event", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  const states = [await store.load(runId), await store.record(runId, started)];
  states.push(await store.record(runId, { type: "cancel_requested", by: "é" }));
  await store.close();
  const bytes = readFileSync(eventsFile(folder, runId));
  const index = readFileSync(indexFile(folder));
  for (let length = 0; length <= bytes.length; length += 5) {
    writeFileSync(eventsFile(folder, runId), bytes.subarray(0, length));
    writeFileSync(indexFile(folder), index);
    const whole = bytes.toString("latin1", 0, length).split("\n").length - 1;
    const next = await openStore(folder);
    expect(await next.load(runId)).toEqual(states[whole - 1]);
    if (whole > 0) {
      const final = await next.record(runId, finished);
      expect(final.lastSeq).toBe(whole + 1);
      expect((await next.events(runId)).map((event) => event.seq)).toEqual(
        [...Array(whole + 1).keys()].map((n) => n + 1),
      );
      rmSync(stateFile(folder, runId));
    }
    await next.close();
  }
});

test("an index cut at any byte still leads to every run", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runs = [await acceptRun(store), await acceptRun(store)];
  for (const runId of runs) await store.record(runId, finished);
  const index = readFileSync(indexFile(folder));
  const acknowledged = index.indexOf(10, index.indexOf(10) + 1) + 1;
  for (let length = acknowledged; length <= index.length; length += 1) {
    writeFileSync(indexFile(folder), index.subarray(0, length));
    const next = await openStore(folder);
    expect(next.runs().map(({ runId, status }) => [runId, status])).toEqual(
      runs.toReversed().map((runId) => [runId, "SUCCESS"]),
    );
    await next.close();
  }
});

test("an index that is lost or damaged is made anew from the runs", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runs = [
    await acceptRun(store, { idempotencyKey: "k" }),
    await acceptRun(store),
    await acceptRun(store),
  ];
  await store.record(runs[0] ?? "", finished);
  const before = store.runs();
  const damages = [
    () => rmSync(indexFile(folder)),
    () => truncateSync(indexFile(folder), 0),
    () => writeFileSync(indexFile(folder), "\0\n"),
    () => appendFileSync(indexFile(folder), '{"runId":"../../x"}\n'),
  ];
  for (const damage of damages) {
    damage();
    const warnings: string[] = [];
    const next = await openStore(folder, warnings);
    expect(next.runs()).toEqual(before);
    expect(next.runWithIdempotencyKey("k")).toBe(runs[0]);
    expect((await next.unfinished()).length).toBe(2);
    await next.close();
  }
});

test("a run whose journal is lost or damaged is left out with a warning, the others go on", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const [lost, damaged, sound] = [await acceptRun(store), await acceptRun(store), await acceptRun(store)];
  await store.close();
  rmSync(eventsFile(folder, lost));
  writeFileSync(eventsFile(folder, damaged), "not JSON\n");
  const warnings: string[] = [];
  const next = await openStore(folder, warnings);
  expect((await next.unfinished()).map((state) => state.runId)).toEqual([sound]);
  for (const runId of [lost, damaged]) {
    expect(await next.load(runId)).toBeUndefined();
    expect(warnings.some((warning) => warning.includes(runId))).toBe(true);
  }
});

test("a damaged event in the middle costs that event only", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  await store.record(runId, { type: "cancel_requested", by: "someone" });
  await store.record(runId, started);
  await store.close();
  const text = readFileSync(eventsFile(folder, runId), "utf8");
  writeFileSync(eventsFile(folder, runId), text.replace('"cancel_requested"', '"cancel_requested'));
  const warnings: string[] = [];
  const next = await openStore(folder, warnings);
  expect(await next.load(runId)).toMatchObject({ status: "RUNNING", cancelRequestedBy: null, lastSeq: 3 });
  expect(warnings).toEqual([expect.stringContaining("1 damaged")]);
});

test("a final run.json is enough, and a lost one is made up for by the journal", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  const final = await store.record(runId, finished);
  rmSync(stateFile(folder, runId));
  expect(await store.load(runId)).toEqual(final);
  for (const text of [
    "",
    "{",
    "[]",
    JSON.stringify({ ...final, status: "RUNNING" }),
    JSON.stringify(final),
  ]) {
    writeFileSync(stateFile(folder, runId), text);
    expect(await store.load(runId)).toEqual(final);
  }
  rmSync(eventsFile(folder, runId));
  expect(await (await openStore(folder)).load(runId)).toEqual(final);
});

test("the index is compacted once most of its lines were replaced", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  await store.close();
  const line = readFileSync(indexFile(folder), "utf8");
  appendFileSync(indexFile(folder), line.repeat(2000));
  const next = await openStore(folder);
  expect(readFileSync(indexFile(folder), "utf8")).toBe(line);
  await next.record(runId, finished);
  expect((await openStore(folder)).runs()).toMatchObject([{ runId, status: "SUCCESS" }]);
});

test("opening reads none of the finished runs", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const runId = await acceptRun(store);
  await store.record(runId, finished);
  rmSync(runFolder(folder, runId), { recursive: true });
  const warnings: string[] = [];
  const next = await openStore(folder, warnings);
  expect(next.runs()).toMatchObject([{ runId, status: "SUCCESS" }]);
  expect(warnings).toEqual([]);
  expect(await next.load(runId)).toBeUndefined();
});

test("killed at any moment, a store opens again with every run that it acknowledged", async () => {
  const folder = newFolder();
  const script = `
    const { Store } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/store/store.ts"))});
    const { systemClock } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/shared/clock.ts"))});
    const samples = await import(${JSON.stringify(join(import.meta.dir, "samples.ts"))});
    const store = await Store.open({ folder: process.argv[1], durable: false, clock: systemClock });
    for (let n = 1; ; n += 1) {
      const runId = await samples.acceptRun(store);
      process.stdout.write(runId + "\\n");
      const log = await store.openLog(runId);
      for (let batch = 1; batch < 4; batch += 1) log.append([{ step: 1, text: "line" }], batch);
      await store.record(runId, samples.started);
      await store.record(runId, { ...samples.finished, log: log.finish() });
    }
  `;
  const acknowledged: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    const child = Bun.spawn([process.execPath, "-e", script, folder], { stdout: "pipe" });
    const reader = child.stdout.getReader();
    let output = "";
    while (output.length < 37 * (20 + round * 13)) {
      const { value } = await reader.read();
      output += Buffer.from(value ?? []).toString();
    }
    child.kill("SIGKILL");
    for (let rest = await reader.read(); !rest.done; rest = await reader.read())
      output += Buffer.from(rest.value).toString();
    await child.exited;
    acknowledged.push(...output.split("\n").slice(0, -1));
    const store = await openStore(folder);
    for (const runId of acknowledged) expect(await store.load(runId)).toBeDefined();
    for (const state of await store.unfinished()) {
      const log = await store.openLog(state.runId);
      expect(log.lastSeq).toBe(Number(log.cursor ?? 0));
      await store.record(state.runId, finished);
    }
    await store.close();
  }
  expect(acknowledged.length).toBeGreaterThan(100);
});

test("events of another run in a journal count for nothing", async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const [runId, other] = [await acceptRun(store), await acceptRun(store)];
  await store.record(other, finished);
  await store.close();
  appendFileSync(eventsFile(folder, runId), readFileSync(eventsFile(folder, other)));
  const next = await openStore(folder);
  expect(await next.load(runId)).toMatchObject({ status: "PENDING", lastSeq: 1 });
});
