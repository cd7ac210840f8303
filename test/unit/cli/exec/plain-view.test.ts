import { describe, expect, test } from "bun:test";
import { JsonView } from "../../../../src/cli/exec/json-view.ts";
import { PlainView } from "../../../../src/cli/exec/plain-view.ts";
import { renderSummary } from "../../../../src/cli/exec/summary.ts";
import { failure, lines, paper, planOf, recorded, result, stage, verdict } from "./samples.ts";

const plain = { colourOut: false, colourErr: false, columns: 80 };
const rerun = (stageId: string) => `gitfoss-ci-runner exec ${stageId}`;
const started = { type: "started", attempt: 1, deadline: "2026-11-23T23:00:00.000Z" } as const;

describe("two stages", () => {
  test("are told apart by their prefix, and summed up at the end", async () => {
    const [lint, test_] = [stage("lint"), stage("test")];
    const page = paper();
    const view = new PlainView(page.screen, { plan: planOf(lint, test_), style: plain, quiet: false, rerun });
    const ended = failure({ usage: { runSeconds: 44 } });
    for (const event of recorded("1", started)) await view.event("lint", event);
    for (const event of recorded("2", started)) await view.event("test", event);
    await view.log("lint", lines("Checked 88 files"));
    await view.log("test", lines("(fail) queue…"));
    await view.log("lint", lines("ok"));
    await view.log("test", lines(" > retries once"));
    for (const event of recorded("1", { type: "finished", ...verdict() })) await view.event("lint", event);
    for (const event of recorded("2", { type: "finished", ...ended })) await view.event("test", event);
    await view.end([result(lint, verdict()), result(test_, ended, ["(fail) queue > retries once"])]);

    expect(page.stdout()).toBe("[lint] Checked 88 files\n[lint] ok\n[test] (fail) queue > retries once\n");
    expect(page.stderr()).toBe(
      `[lint] start  image=alpine:latest
[test] start  image=alpine:latest
[lint] success  0.4s
[test] FAILURE  script  exit 1  44s

stage  result   exit  time  note
lint   success  0     0.4s
test   FAILURE  1     44s   script, slowest

last line of test:
  | (fail) queue > retries once
test: script: command 1 ended with exit code 1
rerun: gitfoss-ci-runner exec test
`,
    );
  });

  test("have prefixes of one width", async () => {
    const page = paper();
    const plan = planOf(stage("a"), stage("longer"));
    const view = new PlainView(page.screen, { plan, style: plain, quiet: false, rerun });
    await view.log("a", lines("x"));
    await view.log("longer", lines("y"));
    expect(page.stdout()).toBe("[a]      x\n[longer] y\n");
  });

  test("have colours only where they are wanted, and each begins with a clean slate", async () => {
    const page = paper();
    const style = { ...plain, colourOut: true };
    const view = new PlainView(page.screen, {
      plan: planOf(stage("a"), stage("b")),
      style,
      quiet: false,
      rerun,
    });
    await view.log("a", lines("\u001b[41mx"));
    await view.log("b", lines("y"));
    for (const event of recorded("2", started)) await view.event("b", event);
    expect(page.stdout()).toBe("\u001b[0;36m[a]\u001b[0m \u001b[41mx\n\u001b[0;33m[b]\u001b[0m y\n");
    expect(page.stderr()).toBe("[b] start  image=alpine:latest\n");
  });
});

describe("one stage", () => {
  test("has its output go through as it is", async () => {
    const page = paper();
    const view = new PlainView(page.screen, {
      plan: planOf(stage("hello")),
      style: plain,
      quiet: false,
      rerun,
    });
    await view.log("hello", lines("hi", "\u001b[1mbold", "no end…"));
    expect(page.stdout()).toBe("hi\n\u001b[1mbold\nno end");
  });

  test("that ends in the midst of a line doesn't spoil the terminal's next one", async () => {
    const onTerminal = paper(true);
    const inFiles = paper(false);
    for (const { screen } of [onTerminal, inFiles]) {
      const view = new PlainView(screen, { plan: planOf(stage("hello")), style: plain, quiet: false, rerun });
      await view.log("hello", lines("no end…"));
      for (const event of recorded("1", { type: "finished", ...verdict() })) await view.event("hello", event);
    }
    expect(onTerminal.stderr()).toBe("\n[hello] success  0.4s\n");
    expect(inFiles.stderr()).toBe("[hello] success  0.4s\n");
  });
});

test("quiet shows the summary alone", async () => {
  const page = paper();
  const view = new PlainView(page.screen, { plan: planOf(stage("a")), style: plain, quiet: true, rerun });
  for (const event of recorded("1", started, { type: "finished", ...verdict() }))
    await view.event("a", event);
  await view.log("a", lines("x"));
  await view.end([result(stage("a"), verdict())]);
  expect([page.stdout(), page.stderr()]).toEqual([
    "",
    "\nstage  result   exit  time  note\na      success  0     0.4s\n",
  ]);
});

test("json shows every event and line as stored, each with its stage, and nothing else", async () => {
  const page = paper();
  const view = new JsonView(page.screen);
  const [event] = recorded("r1", started);
  const [line] = lines("\u001b[31m\n");
  if (event === undefined || line === undefined) throw new Error("one of each");
  await view.event("a", event);
  await view.log("a", [line]);
  await view.end();
  expect(
    page
      .stdout()
      .trimEnd()
      .split("\n")
      .map((json) => JSON.parse(json)),
  ).toEqual([
    { stageId: "a", ...event },
    { type: "log", stageId: "a", ...line },
  ]);
  expect(page.stderr()).toBe("");
});

describe("the summary", () => {
  const results = [
    result(stage("build"), verdict({ usage: { runSeconds: 12, pullSeconds: 31 }, artifacts: 2 })),
    result(stage("lint", { allowFailure: true }), failure({ exitCode: 3 })),
    result(stage("test"), failure({ exitCode: null, cause: "timeout", usage: { runSeconds: 900 } })),
    result(
      stage("deploy"),
      verdict({
        status: "PASSED",
        exitCode: null,
        usage: {},
        reason: 'stage "test", which it needs, didn\'t succeed',
      }),
    ),
    result(
      stage("docs"),
      verdict({ status: "CANCELED", exitCode: null, cause: "canceled", usage: {}, reason: "canceled" }),
    ),
  ];

  test("says which try a stage ended with", () => {
    const tried = result(stage("flaky", { retry: { max: 2 } }), verdict());
    expect(renderSummary([{ ...tried, failedTries: 1 }], { columns: 80, colour: false })).toBe(
      "stage  result   exit  time  note\nflaky  success  0     0.4s  try 2 of 3\n",
    );
  });

  test("is this at 200 columns", () => {
    expect(renderSummary(results, { columns: 200, colour: false })).toBe(
      `stage   result    exit  time     note
build   success   0     12s      image pull 31s, 2 artifacts
lint    failure   3     0.4s     script, failure allowed
test    FAILURE   -     15m 00s  timeout, slowest
deploy  passed    -     -        stage "test", which it needs, didn't succeed
docs    canceled  -     -        canceled
`,
    );
  });

  test("is this at 60 columns", () => {
    const text = renderSummary(results, { columns: 60, colour: false });
    expect(text).toBe(
      `stage   result    exit  time     note
build   success   0     12s      image pull 31s, 2 artifacts
lint    failure   3     0.4s     script, failure allowed
test    FAILURE   -     15m 00s  timeout, slowest
deploy  passed    -     -        stage "test", which it nee…
docs    canceled  -     -        canceled
`,
    );
    expect(text.split("\n").filter((line) => Bun.stringWidth(line) > 60)).toEqual([]);
  });

  test("shows nothing of a name or a reason that could move the cursor", () => {
    const evil = result(
      stage("\u001b[2J日本\u202e"),
      verdict({ status: "PASSED", exitCode: null, reason: "\u001b]0;x\u0007" }),
    );
    const text = renderSummary([evil], { columns: 80, colour: false });
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(text).toContain("\\x1b[2J日本\\u{202e}");
  });

  test("cuts a name of 10,000 characters", () => {
    const text = renderSummary([result(stage("x".repeat(10_000)), verdict())], {
      columns: 60,
      colour: false,
    });
    expect(text.length).toBeLessThan(300);
  });

  test("has colours that don't shift its columns", () => {
    const look = { columns: 60, colour: true };
    expect(Bun.stripANSI(renderSummary(results, look))).toBe(
      renderSummary(results, { ...look, colour: false }),
    );
  });
});
