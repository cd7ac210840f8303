import { afterAll, expect, test } from "bun:test";
import { appendFileSync, readdirSync } from "node:fs";
import type { OutputLine } from "../../../src/engine/engine.ts";
import { logFile } from "../../../src/store/layout.ts";
import { LogFeed } from "../../../src/store/log-feed.ts";
import { withoutCursors } from "../../../src/store/log-lines.ts";
import { LogTail } from "../../../src/store/log-tail.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  failureOf,
  acceptRun,
  finished,
  newFolder,
  openStore,
  seqsOf,
  started,
  textOf,
  removeFolders,
} from "./samples.ts";

afterAll(removeFolders);

const never = new AbortController().signal;

function linesOf(count: number, text = "x"): readonly OutputLine[] {
  return Array.from({ length: count }, (_, index) => ({ step: 1, text: `${text} ${index}` }));
}

function upTo(last: number, first = 1): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

async function storeWithRun(): Promise<{ store: Store; runId: string; folder: string }> {
  const folder = newFolder();
  const store = await openStore(folder);
  return { store, runId: await acceptRun(store), folder };
}

test("a reader gets every line after the one it has, wherever that is, and no cursor record", async () => {
  const { store, runId } = await storeWithRun();
  const log = await store.openLog(runId);
  const total = 6000;
  for (let stored = 0; stored < total; stored += 7) {
    log.append(linesOf(Math.min(7, total - stored), "ü".repeat(stored % 50)), stored);
  }
  log.finish();
  await store.record(runId, finished);
  for (const after of [0, 1, 6, 7, 8, 2999, 3000, 5998, 5999, 6000, 6001, 1e15, -5, Number.NaN]) {
    const text = await textOf(store.readLog(runId, { after, follow: false }, never));
    expect(seqsOf(text)).toEqual(upTo(total, Math.max(0, after || 0) + 1));
    expect(text).not.toContain("cursor");
  }
});

test("lines of very different lengths are found by their seq", async () => {
  const { store, runId } = await storeWithRun();
  const log = await store.openLog(runId);
  for (let index = 0; index < 60; index += 1) {
    log.append([{ step: 1, text: "y".repeat(index % 9 === 0 ? 300_000 : index) }], index);
  }
  log.finish();
  await store.record(runId, finished);
  for (let after = 0; after <= 60; after += 1) {
    const text = await textOf(store.readLog(runId, { after, follow: true }, never));
    expect(seqsOf(text)).toEqual(upTo(60, after + 1));
  }
});

test("pieces end at a line's end and are about 256 KiB at most", async () => {
  const { store, runId } = await storeWithRun();
  const log = await store.openLog(runId);
  for (let batch = 0; batch < 10; batch += 1) log.append(linesOf(2600, "z".repeat(90)), batch);
  for (const follow of [true, false]) {
    const pieces: Uint8Array[] = [];
    const leave = new AbortController();
    let bytes = 0;
    for await (const piece of store.readLog(runId, { after: 0, follow }, leave.signal)) {
      pieces.push(piece);
      bytes += piece.length;
      if (seqsOf(Buffer.from(piece).toString()).at(-1) === 26_000) leave.abort();
    }
    expect(bytes).toBeGreaterThan(2_600_000);
    for (const piece of pieces) {
      expect(piece.length).toBeLessThanOrEqual(256 * 1024);
      expect(piece.at(-1)).toBe(10);
    }
  }
});

test("a follower gets what is written while it reads, and ends with the log", async () => {
  const { store, runId } = await storeWithRun();
  const reading = textOf(store.readLog(runId, { after: 0, follow: true }, never));
  const log = await store.openLog(runId);
  log.say("first");
  for (let batch = 0; batch < 500; batch += 1) {
    log.append(linesOf(batch % 5), batch);
    if (batch % 50 === 0) await Bun.sleep(0);
  }
  log.finish();
  expect(seqsOf(await reading)).toEqual(upTo(log.lastSeq));
});

test("a follower that asks for lines yet to come gets those and none before", async () => {
  const { store, runId } = await storeWithRun();
  const log = await store.openLog(runId);
  log.append(linesOf(3), 1);
  const reading = textOf(store.readLog(runId, { after: 5, follow: true }, never));
  await Bun.sleep(0);
  for (let batch = 2; batch < 8; batch += 1) log.append(linesOf(1), batch);
  log.finish();
  expect(seqsOf(await reading)).toEqual([6, 7, 8, 9]);
});

test("followers of a run that ends without ever having a log end too", async () => {
  const { store, runId } = await storeWithRun();
  const reading = textOf(store.readLog(runId, { after: 0, follow: true }, never));
  await Bun.sleep(0);
  await store.record(runId, { ...finished, status: "CANCELED", cause: "canceled" });
  expect(await reading).toBe("");
  expect(await textOf(store.readLog(runId, { after: 0, follow: true }, never))).toBe("");
});

test("before a run is adopted, only what can't be cut any more is read", async () => {
  const { store, runId, folder } = await storeWithRun();
  await store.record(runId, started);
  const log = await store.openLog(runId);
  log.append(linesOf(2), 1);
  await store.close();
  appendFileSync(
    logFile(folder, runId),
    '{"seq":3,"time":"T","stream":"stdout","step":1,"text":"torn"}\n{"seq"',
  );
  const next = await openStore(folder);
  expect(seqsOf(await textOf(next.readLog(runId, { after: 0, follow: false }, never)))).toEqual([1, 2]);
  const reading = textOf(next.readLog(runId, { after: 0, follow: true }, never));
  await Bun.sleep(0);
  const adopted = await next.openLog(runId);
  expect(adopted.cursor).toBe(1);
  adopted.append([{ step: 1, text: "again" }], 2);
  adopted.finish();
  const text = await reading;
  expect(seqsOf(text)).toEqual([1, 2, 3]);
  expect(text).toContain("again");
  expect(text).not.toContain("torn");
});

test("a thousand readers that leave are gone at once and leave nothing behind", async () => {
  const feed = new LogFeed();
  const controllers = upTo(1000).map(() => new AbortController());
  const waits = controllers.map((controller) => feed.change(controller.signal));
  expect(feed.waiting).toBe(1000);
  for (const controller of controllers) controller.abort();
  await Promise.all(waits);
  expect(feed.waiting).toBe(0);
});

test("a thousand followers each get every line; those that leave end without an error", async () => {
  const { store, runId } = await storeWithRun();
  const log = await store.openLog(runId);
  log.append(linesOf(100), 1);
  const leave = new AbortController();
  const reads = upTo(1000).map((n) =>
    textOf(store.readLog(runId, { after: 0, follow: true }, n % 2 === 0 ? leave.signal : never)),
  );
  await Bun.sleep(0);
  log.append(linesOf(100), 2);
  await Bun.sleep(0);
  leave.abort();
  const left = await Promise.all(reads.filter((_, index) => index % 2 === 1));
  for (const text of left) expect(seqsOf(text).length).toBeLessThanOrEqual(200);
  log.append(linesOf(1), 3);
  log.finish();
  for (const text of await Promise.all(reads.filter((_, index) => index % 2 === 0))) {
    expect(seqsOf(text)).toEqual(upTo(201));
  }
});

test("a reader that waits holds no file open", async () => {
  const open = (): number => readdirSync("/proc/self/fd").length;
  const { store, runId } = await storeWithRun();
  const log = await store.openLog(runId);
  log.append(linesOf(10), 1);
  const before = open();
  const leave = new AbortController();
  const readers = upTo(100).map(() => store.readLog(runId, { after: 5, follow: true }, leave.signal));
  const iterators = readers.map((reader) => reader[Symbol.asyncIterator]());
  await Promise.all(iterators.map((iterator) => iterator.next()));
  expect(open()).toBeLessThanOrEqual(before + 2);
  leave.abort();
  for (const end of await Promise.all(iterators.map((iterator) => iterator.next())))
    expect(end.done).toBe(true);
});

test("a log of an unknown run is not found, whatever the id", async () => {
  const { store } = await storeWithRun();
  for (const id of ["", "../../etc/passwd", Bun.randomUUIDv7(), "a\0b"]) {
    expect(await failureOf(textOf(store.readLog(id, { after: 0, follow: true }, never)))).toMatchObject({
      code: "not_found",
    });
    expect(await failureOf(store.openLog(id))).toMatchObject({ code: "not_found" });
  }
});

test("the tail in memory gives from any place what the file has", () => {
  const tail = new LogTail();
  let file = Buffer.alloc(0);
  for (let batch = 0; batch < 400; batch += 1) {
    const lines = `{"seq":${batch},"${"é".repeat(batch * 7)}"}\n`.repeat(batch % 4);
    const cursor = `{"cursor":${batch}}\n`;
    const bytes = tail.encode(lines, cursor);
    tail.keep(file.length, bytes.length, cursor.length);
    file = Buffer.concat([file, bytes]);
  }
  const expected = (from: number): string => withoutCursors(Buffer.from(file.subarray(from))).toString();
  let starts = 0;
  for (let from = 0; from < file.length; from = file.indexOf(10, from) + 1) {
    for (const limit of [1, 5000, 1 << 30]) {
      let text = "";
      let offset = from;
      for (let piece = tail.since(offset, limit); piece !== undefined; piece = tail.since(offset, limit)) {
        expect(piece.next).toBeGreaterThan(offset);
        text += piece.bytes.toString();
        offset = piece.next;
        starts += 1;
      }
      if (offset !== from) expect(text).toBe(expected(from));
    }
  }
  expect(starts).toBeGreaterThan(1000);
  expect(tail.since(file.length, 1)).toBeUndefined();
});
