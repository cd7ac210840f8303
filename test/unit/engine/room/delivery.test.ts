import { afterEach, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { deliveryText } from "../../../../src/engine/room/delivery.ts";
import { Gate } from "../../../../src/engine/room/gate.ts";
import { makeRoom } from "../../../../src/engine/room/room.ts";
import { systemCodeOf } from "../../../../src/shared/errors.ts";

const commands = {
  shell: "sh",
  beforeScript: [],
  script: ["echo ran $A"],
  afterScript: [],
  workingDirectory: ".",
};
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** A stage whose shell is on its way to its gate, in a folder of its own. */
async function startedStage(): Promise<{ room: string; secrets: string; exited: Promise<number> }> {
  const workspace = await mkdtemp(`${tmpdir()}/delivery-`);
  folders.push(workspace);
  const room = `${workspace}/room`;
  await makeRoom(room, commands, { room, workspace, secrets: workspace }, "nonce");
  const { exited } = Bun.spawn(["sh", `${room}/boot`], { stdio: ["ignore", "ignore", "ignore"] });
  return { room, secrets: workspace, exited };
}

/** As the runner does it, but dying before the line at the gate. */
async function dieAfter(room: string, words: string): Promise<void> {
  const outlet = openSync(`${room}/env`, constants.O_RDWR | constants.O_NONBLOCK);
  let gate: number | undefined;
  while (gate === undefined) {
    try {
      gate = openSync(`${room}/gate`, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCodeOf(error) !== "ENXIO") throw error;
      await Bun.sleep(1);
    }
  }
  writeSync(outlet, words);
  closeSync(outlet);
  closeSync(gate);
}

for (const [when, words] of [
  ["in the midst of a delivery", "export A='ha"],
  ["before any of a delivery", ""],
  ["after a delivery, before its line at the gate", "export A='all'\n"],
] as const) {
  test(`a stage whose runner dies ${when} goes without having run anything`, async () => {
    const { room, exited } = await startedStage();
    await dieAfter(room, words);
    expect(await exited).toBe(125);
    expect(readFileSync(`${room}/log`, "utf8")).toBe("");
  });
}

test("a delivery that fits no pipe at once comes whole", async () => {
  const { room, secrets, exited } = await startedStage();
  const environment = { A: "a".repeat(100_000), B: "'\n".repeat(300_000) };
  const text = deliveryText({ environment }, secrets);
  const patience = { ended: () => false, signal: new AbortController().signal };
  const gate = await Gate.open(room, text, patience);
  gate?.close();
  expect(await exited).toBe(0);
  expect(readFileSync(`${secrets}/.env`, "utf8") === text).toBe(true);
  expect(readFileSync(`${room}/log`, "utf8")).toContain(`ran ${environment.A}\n`);
});

test("a delivery that nobody reads is waited for no longer than the signal says", async () => {
  const workspace = await mkdtemp(`${tmpdir()}/delivery-`);
  folders.push(workspace);
  const room = `${workspace}/room`;
  await makeRoom(room, commands, { room, workspace, secrets: workspace }, "nonce");
  const reader = openSync(`${room}/gate`, constants.O_RDONLY | constants.O_NONBLOCK);
  const opening = Gate.open(room, "x".repeat(1_000_000), {
    ended: () => false,
    signal: AbortSignal.timeout(30),
  });
  expect(opening).rejects.toThrow(DOMException);
  await opening.catch(() => {});
  closeSync(reader);
});
