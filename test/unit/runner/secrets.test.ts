import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunState } from "../../../src/events/run-state.ts";
import type { SecretPlan } from "../../../src/plan/plan.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import { Bench, planOf, type Stage } from "./bench.ts";

let bench: Bench;

beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench.close());

const secretOf = (name: string, more: Partial<SecretPlan> = {}): SecretPlan => ({
  variable: name,
  name,
  file: false,
  ...more,
});

async function submit(stage: Stage, secrets: Readonly<Record<string, string>>): Promise<RunState> {
  const plan = planOf(stage);
  const [run] = await bench.runner.submitAll([{ request: bench.request(plan.id), plan, secrets }]);
  if (run === undefined) throw new Error("no run");
  return run;
}

async function logOf(stage: Stage, secrets: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { runId } = await submit(stage, secrets);
  await bench.verdict(runId);
  return bench.log(runId);
}

const heldFolder = (): string => join(bench.stateFolder, "secrets/.held");

describe("a stage", () => {
  test("gets the secrets that it names, and no others", async () => {
    const stage = {
      id: "a",
      secrets: [secretOf("A"), secretOf("B", { optional: true })],
      script: ['[ "$A" = value-of-a ] && echo "${B-no b} ${C-no c}"'],
    };
    expect(await logOf(stage, { A: "value-of-a", C: "value-of-c" })).toEqual(["no b no c"]);
  });

  test("whose secrets nobody has is refused, unless its rules leave it out", async () => {
    const stage = { id: "a", secrets: [secretOf("A"), secretOf("B")], script: ["echo never"] };
    expect(submit(stage, { A: "value" })).rejects.toThrow("needs the secret B, which nobody has");
    expect(bench.store.runs()).toEqual([]);
    const leftOut = await submit({ ...stage, decided: true, leftOut: "no rule fits" }, {});
    expect((await bench.verdict(leftOut.runId)).status).toBe("PASSED");
  });

  test.each([
    ["is longer than 64 KiB", { A: "é".repeat(32_769) }],
    ["holds a NUL", { A: "a\0b" }],
    ["isn't text", { A: "\ud800" }],
    [
      "are larger than 512 KiB together",
      Object.fromEntries(["A", ..."BCDEFGHI".split("")].map((name) => [name, "x".repeat(65_536)])),
    ],
  ])("isn't begun with a secret that %s", async (message, given: Readonly<Record<string, string>>) => {
    const secrets = Object.keys(given).map((name) => secretOf(name));
    expect(submit({ id: "a", secrets, script: ["echo never"] }, given)).rejects.toThrow(message);
  });

  test("isn't shredded by secrets of one character, and its log says that they aren't masked", async () => {
    const stage = { id: "a", secrets: [secretOf("A"), secretOf("B")], script: ['echo "a banana, $A, $B"'] };
    expect(await logOf(stage, { A: "a", B: "" })).toEqual([
      "# secrets of fewer than 4 characters aren't masked: A, B",
      "a banana, a, ",
    ]);
  });

  test("tells no secret in what is said of its end", async () => {
    const stage = {
      id: "a",
      secrets: [secretOf("TOKEN")],
      script: ["echo ::add-mask::spelled-out", "(exit 3) # spelled-out"],
    };
    const { runId } = await submit(stage, { TOKEN: "value-of-token" });
    const verdict = await bench.verdict(runId);
    expect(verdict.steps.map(({ command }) => command)).toEqual([
      "echo ::add-mask::[MASKED]",
      "(exit 3) # [MASKED]",
    ]);
  });
});

test("secrets and masks last over a restart, and go with the verdict", async () => {
  const hold = bench.hold();
  const script = [
    "echo ::add-mask::asked-for; echo before $TOKEN",
    hold.command,
    "echo after $TOKEN asked-for",
  ];
  const { runId } = await submit(
    { id: "a", secrets: [secretOf("TOKEN")], script },
    { TOKEN: "value-of-token" },
  );
  await bench.printed(runId, "before");
  expect(readdirSync(heldFolder())).toEqual([runId]);
  await bench.restart();
  hold.release();
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
  expect(await bench.log(runId)).toEqual(["before [MASKED]", "after [MASKED] [MASKED]"]);
  expect(readdirSync(heldFolder())).toEqual([]);
});

test("a run whose secrets can't be read any more fails, and nothing more of it is shown", async () => {
  const hold = bench.hold();
  const report = `echo "<testsuite><testcase name='$TOKEN' time='1'/></testsuite>" >r.xml`;
  const script = [report, "echo before", hold.command, "echo after $TOKEN"];
  const artifacts = { paths: [], exclude: [], when: "always", junit: ["r.xml"] } as const;
  const { runId } = await submit(
    { id: "a", secrets: [secretOf("TOKEN")], script, artifacts },
    { TOKEN: "value-of-token" },
  );
  await bench.printed(runId, "before");
  await bench.leave();
  writeFileSync(join(bench.stateFolder, "secrets/.key"), Buffer.alloc(32, 7));
  hold.release();
  await bench.reopen();
  await bench.runner.start();
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({ status: "FAILURE", cause: "engine" });
  expect(verdict.tests).toBeUndefined();
  expect(await bench.log(runId)).toEqual(["before"]);
});

test("a mask that couldn't be stored is stored by the next try", async () => {
  const hold = bench.hold();
  const { held } = bench.store.secrets;
  const add = held.addMasks.bind(held);
  let failures = 0;
  held.addMasks = async (...words) => {
    failures += 1;
    if (failures === 1) throw new RunnerError("disk_full", "no space left");
    return add(...words);
  };
  const script = ["echo ::add-mask::late-mask", "echo ready", hold.command, "echo late-mask"];
  const { runId } = await submit({ id: "a", script, retry: { max: 1 } }, {});
  await bench.printed(runId, "ready");
  expect((await held.read(runId)).masks).toEqual(["late-mask"]);
  hold.release();
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
  expect(await bench.log(runId)).toContain("[MASKED]");
});

test("what an output may ask to be masked is bounded, and what isn't taken is said once", async () => {
  const many =
    "i=0; while [ $i -lt 1005 ]; do echo ::add-mask::mask-$i-; i=$((i+1)); done; echo mask-999- mask-1004-";
  expect(await logOf({ id: "a", script: [many] }, {})).toEqual([
    "# there are too many masks; further ones aren't taken",
    "[MASKED] mask-1004-",
  ]);
  const long = `echo "::add-mask::${"x".repeat(5000)}"; echo ::add-mask::abc; echo ::add-mask::abc; echo abc`;
  expect((await logOf({ id: "b", script: [long] }, {})).toSorted()).toEqual([
    "# a mask is longer than 4096 characters and isn't taken",
    "# a mask of fewer than 4 characters isn't taken",
    "abc",
  ]);
});

test("no file of a run that is over holds a secret", async () => {
  const { runId } = await submit(
    { id: "a", secrets: [secretOf("TOKEN")], script: ['echo "$TOKEN"'] },
    { TOKEN: "value-of-token" },
  );
  await bench.verdict(runId);
  await bench.runner.idle();
  const files = readdirSync(bench.stateFolder, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  for (const { parentPath, name } of files)
    expect([name, readFileSync(join(parentPath, name), "utf8").includes("value-of-token")]).toEqual([
      name,
      false,
    ]);
});
