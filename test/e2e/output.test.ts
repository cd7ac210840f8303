import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary } from "./support/binary.ts";
import { makeRepository } from "./support/commit.ts";
import { startDaemon, type Daemon } from "./support/daemon.ts";

/* What stages write, however much and however odd: stored whole, in order, and told as it was. */

let folder: string;
let repository: string;
let daemon: Daemon;

const line = "0123456789".repeat(9);

beforeAll(async () => {
  await requireEngine();
  const image = await requireImages("busybox");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-output-"));
  repository = await makeRepository(join(folder, "repo"), {
    ".gitfoss-ci.yml": `default: { image: ${image} }
stages:
  fifty-megabytes:
    script: ["yes ${line} | head -c 50000000 || true", "echo; echo end"]
  long-line:
    script: ["head -c 10000000 /dev/zero | tr '\\\\0' x", "echo; echo end"]
  not-utf8:
    script: ["printf 'a\\\\377\\\\376b\\\\n\\\\303\\\\251\\\\n'"]
  hostile:
    script:
      - ": >/gitfoss/log"
      - "rm -f /gitfoss/log /gitfoss/out 2>/dev/null || true"
      - 'printf "\\\\nevent: end\\\\ndata: {\\\\042status\\\\042:\\\\042SUCCESS\\\\042}\\\\n\\\\n\\\\033[2J{\\\\042seq\\\\042:99}\\\\n"'
      - "n=$(sed -n 's/.*036\\\\([0-9a-f]*\\\\) b.*/\\\\1/p' /gitfoss/script | head -n 1)"
      - 'printf "\\\\036$n b 99999 0 1.0\\\\036\\\\036$n x 999 1 1 1 1\\\\036\\\\036$n zzz\\\\036"'
      - "head -c 300000 /dev/urandom"
      - exit 7
  killed-cat:
    script:
      - 'echo before; for p in /proc/[0-9]*; do read c <$p/comm; [ "$c" != cat ] || kill -9 \${p#/proc/}; done; echo after'
      - exit 4
  daemons:
    script: ["(trap '' TERM HUP; while :; do sleep 1; done) & setsid sleep 1000 & echo left two behind"]
`,
  });
  daemon = await startDaemon({ roots: [folder] });
});
afterAll(async () => {
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

test("fifty megabytes are stored whole and read back whole, by JSON, text and SSE", async () => {
  const runId = await daemon.trigger(repository, "fifty-megabytes");
  const path = `/stage/fifty-megabytes/logs?runId=${runId}`;
  const live = daemon.request(`${path}&stream=http`).then((answer) => answer.text());
  const run = await daemon.final(runId);
  const text = await live;
  const whole = `${`${line}\n`.repeat(549_450)}${line.slice(0, 50)}\nend\n`;
  expect(text === whole).toBe(true);
  const totals = {
    lines: 549_453,
    bytes: whole.length,
    sha256: createHash("sha256").update(whole).digest("hex"),
  };
  expect(run).toMatchObject({ status: "SUCCESS", log: totals });
  expect((await daemon.logs(runId)) === whole).toBe(true);
  const events = await (await daemon.request(`${path}&stream=sse&after=549400`)).text();
  expect(events.match(/^event: log$/gm)?.length).toBe(53);
  expect(events.trimEnd().split("\n").at(-1)).toBe(
    `data: ${JSON.stringify({ status: "SUCCESS", exitCode: 0, ...totals })}`,
  );
});

test("a line of ten megabytes is one line to those who read", async () => {
  const runId = await daemon.trigger(repository, "long-line");
  expect(await daemon.final(runId)).toMatchObject({ status: "SUCCESS" });
  expect((await daemon.logs(runId)) === `${"x".repeat(10_000_000)}\nend\n`).toBe(true);
});

test("bytes that aren't UTF-8 become replacement characters, and the answer stays JSON", async () => {
  const runId = await daemon.trigger(repository, "not-utf8");
  expect(await daemon.final(runId)).toMatchObject({ status: "SUCCESS" });
  expect(await daemon.logs(runId)).toBe("a\uFFFD\uFFFDb\né\n");
});

test("a stage that lies in its room and forges our words is believed in nothing", async () => {
  const runId = await daemon.trigger(repository, "hostile");
  const run = await daemon.final(runId);
  expect(run).toMatchObject({ status: "FAILURE", cause: "script", exitCode: 7 });
  const events = await (await daemon.request(`/stage/hostile/logs?runId=${runId}&stream=sse`)).text();
  const frames = events.split("\n\n").filter((frame) => frame.includes("event:"));
  expect(frames.filter((frame) => frame.startsWith("event: end")).length).toBe(1);
  expect(frames.at(-1)).toContain('"status":"FAILURE"');
  const seqs = frames.slice(0, -1).map((frame) => Number(/^id: (\d+)$/m.exec(frame)?.[1]));
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index + 1));
});

test("a stage that kills the cat of its room still ends as it ended, and loses no more than what that cat held", async () => {
  const runId = await daemon.trigger(repository, "killed-cat");
  expect(await daemon.final(runId)).toMatchObject({ status: "FAILURE", cause: "script", exitCode: 4 });
  expect(await daemon.logs(runId)).toMatch(/^(before\n)?(after\n)?$/);
});

test("processes left behind end with the stage", async () => {
  const runId = await daemon.trigger(repository, "daemons");
  expect(await daemon.final(runId)).toMatchObject({ status: "SUCCESS" });
  expect(await daemon.logs(runId)).toBe("left two behind\n");
  const byExec = await runBinary(["exec", "daemons"], { cwd: repository });
  expect(byExec).toMatchObject({ exitCode: 0, stdout: "left two behind\n" });
  await expectNothingLeft();
});

test("a log is filtered by step and cut to its tail", async () => {
  const tail = await (await daemon.request(`/stage/fifty-megabytes/logs?stream=http&tail=1`)).text();
  expect(tail).toBe("end\n");
  const last = await daemon.json(`/stage/long-line/logs?step=2`);
  expect(last["logs"]).toBe("\nend\n");
});

test("all of that, and readers that never read, cost the daemon a bounded amount of memory", async () => {
  const { runId } = await daemon.json("/stage/fifty-megabytes");
  const path = `/stage/fifty-megabytes/logs?runId=${String(runId)}`;
  const idle = ["http", "sse", "http", "sse"].map((stream) => daemon.request(`${path}&stream=${stream}`));
  const parked = await Promise.all(idle);
  await Bun.sleep(500); // what would be buffered without bounds has been by then
  for (const answer of parked) await answer.body?.cancel();
  const status = await Bun.file(`/proc/${String(daemon.process().pid)}/status`).text();
  const peakKilobytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
  expect(peakKilobytes).toBeLessThan(200_000);
});

test("a daemon keeps no descriptor of a run that is over", async () => {
  for (let round = 0; round < 10; round++) await daemon.final(await daemon.trigger(repository, "not-utf8"));
  const descriptors = `/proc/${String(daemon.process().pid)}/fd`;
  const ofRooms = async (): Promise<string[]> => {
    const links = await Promise.all(
      (await readdir(descriptors)).map((fd) => readlink(`${descriptors}/${fd}`).catch(() => "")),
    );
    return links.filter((link) => link.includes("/room/"));
  };
  const deadline = Date.now() + 5000; // the last one's container is removed after its verdict
  while ((await ofRooms()).length > 0 && Date.now() < deadline) await Bun.sleep(50);
  expect(await ofRooms()).toEqual([]);
});
