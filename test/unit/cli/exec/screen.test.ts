import { expect, test } from "bun:test";
import { Screen } from "../../../../src/cli/exec/screen.ts";
import { OutputClosed } from "../../../../src/cli/output.ts";
import { rejectionOf } from "../rejection.ts";

test("writes don't overlap and keep the order of the calls", async () => {
  const log: string[] = [];
  const screen = new Screen(async ({ text }) => {
    log.push(`begin ${text}`);
    await Bun.sleep(0);
    log.push(`end ${text}`);
  }, false);
  await Promise.all([
    screen.print([
      { to: "stdout", text: "1" },
      { to: "stderr", text: "2" },
    ]),
    screen.print([{ to: "stdout", text: "3" }]),
  ]);
  expect(log).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
});

test("once stdout is closed it stays so, while stderr is still written", async () => {
  const written: string[] = [];
  const screen = new Screen(async ({ to, text }) => {
    if (to === "stdout") throw new OutputClosed("gone");
    written.push(text);
  }, false);
  expect(await rejectionOf(screen.print([{ to: "stdout", text: "a" }]))).toBeInstanceOf(OutputClosed);
  expect(await rejectionOf(screen.print([{ to: "stdout", text: "b" }]))).toBeInstanceOf(OutputClosed);
  await screen.print([{ to: "stderr", text: "summary" }]);
  expect(written).toEqual(["summary"]);
});
