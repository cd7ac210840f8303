import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "../../../src/store/layout.ts";
import { lockFolder } from "../../../src/store/lock.ts";
import { failureOf, newFolder, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const script = `
  const { lockFolder } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/store/lock.ts"))});
  process.stdout.write("ready\\n");
  for await (const line of console) {
    while (Date.now() < Number(line));
    try { await lockFolder(process.argv[1]); process.stdout.write("won\\n"); }
    catch (error) { process.stdout.write(error.code + " " + error.message + "\\n"); }
  }
`;

interface Contender {
  readonly pid: number;
  readonly next: () => Promise<string>;
  readonly go: (atEpochMs: number) => void;
  readonly kill: () => Promise<unknown>;
}

async function contender(folder: string): Promise<Contender> {
  const child = Bun.spawn([process.execPath, "-e", script, folder], { stdin: "pipe", stdout: "pipe" });
  const reader = child.stdout.getReader();
  const next = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString();
  expect(await next()).toBe("ready\n");
  return {
    pid: child.pid,
    next,
    go: (atEpochMs) => {
      void child.stdin.write(`${atEpochMs}\n`);
      void child.stdin.flush();
    },
    kill: () => {
      child.kill("SIGKILL");
      return child.exited;
    },
  };
}

test("a folder is locked once; who comes second learns the pid", async () => {
  const folder = join(newFolder(), "new");
  const lock = await lockFolder(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(await failureOf(lockFolder(folder))).toMatchObject({
    code: "state_locked",
    message: expect.stringContaining(`pid ${process.pid}`),
  });
  await lock.release();
  await lock.release();
  expect(readdirSync(folder)).toEqual([]);
  await (await lockFolder(folder)).release();
});

test("of processes that race for the lock of a killed one exactly one wins, again and again", async () => {
  const folder = newFolder();
  let holder = await contender(folder);
  holder.go(0);
  expect(await holder.next()).toBe("won\n");
  for (let round = 0; round < 4; round += 1) {
    const contenders = await Promise.all(Array.from({ length: 4 }, () => contender(folder)));
    await holder.kill();
    const start = Date.now() + 10;
    for (const one of contenders) one.go(start);
    const results = await Promise.all(contenders.map((one) => one.next()));
    expect(results.filter((result) => result === "won\n").length).toBe(1);
    expect(results.filter((result) => result.startsWith("state_locked")).length).toBe(3);
    const winner = contenders[results.indexOf("won\n")];
    if (winner === undefined) throw new Error("nobody won");
    expect(readFileSync(lockFile(folder), "utf8")).toContain(`"pid":${winner.pid},`);
    await Promise.all(contenders.filter((one) => one !== winner).map((one) => one.kill()));
    holder = winner;
  }
  await holder.kill();
  await (await lockFolder(folder)).release();
  expect(readdirSync(folder)).toEqual([]);
}, 20_000);

test("a pid that another process has by now is no holder", async () => {
  const folder = newFolder();
  writeFileSync(
    lockFile(folder),
    `${JSON.stringify({ pid: process.pid, started: "another boot 1", nonce: "x" })}\n`,
  );
  const lock = await lockFolder(folder);
  await lock.release();
  expect(existsSync(lockFile(folder))).toBe(false);
});

test("a lock that says nothing sensible is taken over", async () => {
  const folder = newFolder();
  for (const text of [
    "",
    "\0\0\0",
    "{}",
    "[]",
    '{"pid":-1}',
    '{"pid":"1"}',
    '{"pid":1e99}',
    "{".repeat(10_000),
  ]) {
    writeFileSync(lockFile(folder), text);
    await (await lockFolder(folder)).release();
  }
});

test("a lock of a live process without a start time is respected", async () => {
  const folder = newFolder();
  writeFileSync(lockFile(folder), JSON.stringify({ pid: process.ppid, started: "" }));
  expect(await failureOf(lockFolder(folder))).toMatchObject({ code: "state_locked" });
});

test("while one process takes a dead one's place, another is told of it", async () => {
  const folder = newFolder();
  const dead = `${JSON.stringify({ pid: process.pid, started: "another boot 1" })}\n`;
  writeFileSync(lockFile(folder), dead);
  const guard = createHash("sha256")
    .update(`${lockFile(folder)}\n${dead}`)
    .digest("hex")
    .slice(0, 24);
  writeFileSync(`${lockFile(folder)}-${guard}`, JSON.stringify({ pid: process.ppid, started: "" }));
  expect(await failureOf(lockFolder(folder))).toMatchObject({
    message: expect.stringContaining(`pid ${process.ppid}`),
  });
  writeFileSync(`${lockFile(folder)}-${guard}`, dead);
  await (await lockFolder(folder)).release();
  expect(readdirSync(folder)).toEqual([]);
});
