import { afterEach, expect, test } from "bun:test";
import type { ArtifactsPlan } from "../../../src/plan/plan.ts";
import { Bench } from "./bench.ts";

let bench: Bench;
afterEach(() => bench.close());

const good = `<testsuite name="s"><testcase name="a" time="0.5"/></testsuite>`;
const bad = `<testsuite name="s"><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>`;

function reportsOf(...junit: string[]): ArtifactsPlan {
  return { paths: [], exclude: [], when: "on_success", junit };
}

test("the tests of a stage's reports stand in its verdict and its log, and no artifact is missed", async () => {
  bench = await Bench.open();
  const script = [`mkdir out; echo '${good}' >out/r.xml`];
  const { runId } = await bench.submit({ id: "test", script, artifacts: reportsOf("out/*.xml") });
  const verdict = await bench.verdict(runId);
  expect(verdict).toMatchObject({
    status: "SUCCESS",
    artifacts: 0,
    tests: { total: 1, passed: 1, seconds: 0.5 },
  });
  expect(await bench.log(runId)).toEqual(["# reports: 1 passed in 1 file"]);
  expect((await bench.store.load(runId))?.verdict).toEqual(verdict);
});

test("of a failed stage as well, whatever artifacts.when says, and it keeps its own cause", async () => {
  bench = await Bench.open();
  const script = [`echo '${bad}' >r.xml`, "exit 3"];
  const artifacts = { ...reportsOf("r.xml"), paths: ["r.xml"] };
  expect(await bench.run({ id: "test", script, artifacts })).toMatchObject({
    status: "FAILURE",
    cause: "script",
    exitCode: 3,
    artifacts: 0,
    tests: { total: 2, failed: 1, failures: [{ suite: "s", name: "b", message: "no" }] },
  });
});

test("failed tests don't fail a stage whose script succeeded", async () => {
  bench = await Bench.open();
  const stage = { id: "test", script: [`echo '${bad}' >r.xml`], artifacts: reportsOf("r.xml") };
  expect(await bench.run(stage)).toMatchObject({ status: "SUCCESS", tests: { failed: 1 } });
});

test("no report changes no result: the log says that there is none", async () => {
  bench = await Bench.open();
  const { runId } = await bench.submit({ id: "test", artifacts: reportsOf("r.xml", "*/r.xml") });
  const verdict = await bench.verdict(runId);
  expect(verdict.status).toBe("SUCCESS");
  expect(verdict.tests).toBeUndefined();
  expect(await bench.log(runId)).toEqual([
    "# reports: nothing matches r.xml",
    "# reports: nothing matches */r.xml",
  ]);
});

test("a broken report changes no result: the log says what is left out", async () => {
  bench = await Bench.open();
  const stage = { id: "test", script: ["echo nonsense >r.xml"], artifacts: reportsOf("r.xml") };
  const { runId } = await bench.submit(stage);
  expect(await bench.verdict(runId)).toMatchObject({
    status: "SUCCESS",
    tests: { total: 0, complete: false },
  });
  expect((await bench.log(runId)).join("\n")).toContain(
    "# reports: left out the rest of r.xml: broken at line 1",
  );
});

test("a container that can't be removed costs the reports, not the result", async () => {
  bench = await Bench.open();
  bench.engine.before = (verb) => {
    if (verb === "remove") throw new Error("it won't go");
  };
  const stage = { id: "test", script: [`echo '${good}' >r.xml`], artifacts: reportsOf("r.xml") };
  const verdict = await bench.run(stage);
  expect(verdict.status).toBe("SUCCESS");
  expect(verdict.tests).toBeUndefined();
});
