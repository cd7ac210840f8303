import { afterAll, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutputLine } from "../../../src/engine/engine.ts";
import { systemClock } from "../../../src/shared/clock.ts";
import { LogFeed } from "../../../src/store/log-feed.ts";
import { encodeLines, withoutCursors } from "../../../src/store/log-lines.ts";
import { RunLog } from "../../../src/store/run-log.ts";
import { newFolder, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const folder = newFolder();
let files = 0;

function newPath(): string {
  files += 1;
  return join(folder, `log-${files}.ndjson`);
}

function open(path: string, warnings: string[] = []): Promise<RunLog> {
  return RunLog.open(path, {
    feed: new LogFeed(),
    clock: systemClock,
    warn: (warning) => warnings.push(warning),
  });
}

function line(text: string, step = 1): OutputLine {
  return { step, text };
}

function storedLines(path: string): readonly Record<string, unknown>[] {
  const bytes = withoutCursors(readFileSync(path));
  const lines = bytes.toString("utf8").split("\n").slice(0, -1);
  return lines.map((json) => JSON.parse(json));
}

test("a line has its keys in the order of the contract, and a record with the cursor follows the batch", async () => {
  const path = newPath();
  const log = await open(path);
  log.say("pulling");
  log.append([line("hello", 2), { step: 2, text: "…", partial: true }], 17);
  log.finish();
  const time = (text: string): string => text.replaceAll(/\d{4}-[^"]+Z/g, "T");
  expect(time(readFileSync(path, "utf8"))).toBe(
    [
      '{"seq":1,"time":"T","stream":"runner","step":0,"text":"pulling"}',
      '{"cursor":null}',
      '{"seq":2,"time":"T","stream":"stdout","step":2,"text":"hello"}',
      '{"seq":3,"time":"T","stream":"stdout","step":2,"text":"…","partial":true}',
      '{"cursor":17}',
      "",
    ].join("\n"),
  );
});

test("between two tries the log goes on, and the cursor begins anew, also for whoever opens it again", async () => {
  const path = newPath();
  const log = await open(path);
  log.append([line("first")], 17);
  log.sayAnew("once more");
  expect(log.cursor).toBeUndefined();
  log.close();
  const again = await open(path);
  expect([again.cursor, again.lastSeq]).toEqual([undefined, 2]);
  again.append([line("second")], 5);
  again.finish();
  expect(storedLines(path).map(({ seq, stream, text }) => [seq, stream, text])).toEqual([
    [1, "stdout", "first"],
    [2, "runner", "once more"],
    [3, "stdout", "second"],
  ]);
});

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom("a", '"', "\\", "\n", "\0", "\u001b", "\u2028", "\ud800", "\udc00", "😀", "\u007f"),
  }),
  fc.constantFrom('{"cursor":1}', '\n{"cursor":1}\n', "\ud83d", '{"seq":99,'),
);
const anyLines = fc.array(
  fc.record(
    { step: fc.nat(5), text: anyText, partial: fc.constantFrom(true as const, undefined) },
    { requiredKeys: ["step", "text"] },
  ),
);

test("any text is valid JSON and valid UTF-8 on disk, and comes back the same", () => {
  fc.assert(
    fc.property(anyLines, (lines) => {
      const outputs: readonly OutputLine[] = lines.map(({ step, text, partial }) => ({
        step,
        text,
        ...(partial && { partial }),
      }));
      const { json, text } = encodeLines(outputs, { firstSeq: 5, time: "T", stream: "stdout" });
      const bytes = Buffer.from(json);
      const decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      const read = decoded
        .split("\n")
        .slice(0, -1)
        .map((one) => JSON.parse(one));
      expect(read).toEqual(
        outputs.map((output, index) => ({ seq: 5 + index, time: "T", stream: "stdout", ...output })),
      );
      expect(text).toBe(outputs.map((output) => output.text + (output.partial ? "" : "\n")).join(""));
      expect(withoutCursors(Buffer.from(json)).equals(bytes)).toBe(true);
    }),
  );
});

test("the totals are of the log as text, lines in pieces joined", async () => {
  const log = await open(newPath());
  log.say("début");
  log.append([{ step: 1, text: "one ", partial: true }, line("line")], 1);
  const text = "début\none line\n";
  const sha256 = createHash("sha256").update(text).digest("hex");
  const totals = { lines: 3, bytes: Buffer.byteLength(text), sha256 };
  expect(log.finish()).toEqual(totals);
  expect(log.finish()).toEqual(totals);
});

test("a log that is reopened goes on with its cursor, its seq and its totals", async () => {
  const path = newPath();
  const first = await open(path);
  first.append([line("a"), line("\ud800 lone")], "cursor-1");
  first.say("said after the batch");
  first.close();
  const second = await open(path);
  expect(second.cursor).toBe("cursor-1");
  expect(second.lastSeq).toBe(3);
  second.append([line("b")], "cursor-2");
  const text = "a\n\ud800 lone\nsaid after the batch\nb\n";
  expect(second.finish()).toEqual({
    lines: 4,
    bytes: Buffer.byteLength(text),
    sha256: createHash("sha256").update(text).digest("hex"),
  });
});

test("cut at any byte, a log reopens at a cursor whose lines are all there, and no more", async () => {
  const path = newPath();
  const whole = await open(path);
  whole.say("start");
  for (let batch = 1; batch <= 4; batch += 1) {
    whole.append([line(`é ${batch}`), line('with "quotes"\n and {"cursor":9}')], batch);
  }
  whole.close();
  const bytes = readFileSync(path);
  const cut = newPath();
  for (let length = 0; length <= bytes.length; length += 1) {
    writeFileSync(cut, bytes.subarray(0, length));
    const log = await open(cut);
    const batches = log.cursor === undefined ? 0 : Number(log.cursor);
    const said = length >= bytes.indexOf('{"cursor":null}') + 16 ? 1 : 0;
    expect(log.lastSeq).toBe(said + batches * 2);
    log.append([line("next")], 99);
    log.close();
    expect(storedLines(cut).map((stored) => stored["seq"])).toEqual(
      Array.from({ length: log.lastSeq }, (_, index) => index + 1),
    );
  }
});

test("lines without a cursor behind them are cut, since the engine will give them again", async () => {
  const path = newPath();
  const log = await open(path);
  log.append([line("kept")], 5);
  log.close();
  appendFileSync(path, '{"seq":2,"time":"T","stream":"stdout","step":1,"text":"lost"}\n{"cursor":');
  const again = await open(path);
  expect([again.cursor, again.lastSeq]).toEqual([5, 1]);
  again.close();
  expect(storedLines(path).map((stored) => stored["text"])).toEqual(["kept"]);
});

test("a damaged line in the middle is left out of the totals with a warning", async () => {
  const path = newPath();
  const log = await open(path);
  log.append([line("one"), line("two"), line("three")], 3);
  log.close();
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('"text":"two"')] = 0;
  writeFileSync(path, bytes);
  const warnings: string[] = [];
  const again = await open(path, warnings);
  expect(again.lastSeq).toBe(3);
  expect(again.finish()).toMatchObject({ lines: 2, bytes: "one\nthree\n".length });
  expect(warnings).toEqual([expect.stringContaining("1 damaged")]);
});

test("lines longer than the blocks of recovery are counted whole", async () => {
  const path = newPath();
  const log = await open(path);
  const long = "é".repeat(1_500_000);
  log.append([line("short"), line(long), line("short")], 1);
  const expected = { lines: 3, bytes: 12 + 3_000_001 };
  log.close();
  const again = await open(path);
  expect(again.finish()).toMatchObject(expected);
});

test("nothing can be added to a log that is closed", async () => {
  const log = await open(newPath());
  log.finish();
  expect(() => log.say("late")).toThrow("closed");
});

test("a disk without room is said to be full, and the log goes on when there is room again", async () => {
  const path = newPath();
  const log = await open(path);
  log.append([line("before")], 1);
  const script = `
    const { RunLog } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/store/run-log.ts"))});
    const { LogFeed } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/store/log-feed.ts"))});
    const clock = { now: () => 0, elapsed: () => 0 };
    const log = await RunLog.open(process.argv[1], { feed: new LogFeed(), clock, warn() {} });
    const codes = [];
    try { log.append([{ step: 1, text: "x".repeat(20000) }], 2); } catch (error) { codes.push(error.code); }
    log.append([{ step: 1, text: "small" }], 3);
    console.log(JSON.stringify([codes, log.lastSeq, log.finish()]));
  `;
  log.close();
  const shell = 'trap "" XFSZ; ulimit -f 8; exec "$0" -e "$1" "$2"';
  const child = Bun.spawn(["bash", "-c", shell, process.execPath, script, path], { stdout: "pipe" });
  const text = "before\nsmall\n";
  const sha256 = createHash("sha256").update(text).digest("hex");
  expect(JSON.parse(await new Response(child.stdout).text())).toEqual([
    ["disk_full"],
    2,
    { lines: 2, bytes: text.length, sha256 },
  ]);
  expect(storedLines(path).map((stored) => stored["text"])).toEqual(["before", "small"]);
});

test("a log file that is truncated to nothing begins anew", async () => {
  const path = newPath();
  const log = await open(path);
  log.append([line("a")], 1);
  log.close();
  truncateSync(path, 0);
  const again = await open(path);
  expect([again.cursor, again.lastSeq, existsSync(path)]).toEqual([undefined, 0, true]);
  again.close();
});
