import { expect, test } from "bun:test";
import { renderTests } from "../../../../src/cli/exec/tests-summary.ts";
import type { TestReport } from "../../../../src/events/test-report.ts";
import { failure, result, stage, verdict } from "./samples.ts";

const plain = { columns: 80, colour: false };

function reportOf(changes: Partial<TestReport> = {}): TestReport {
  const counts = { total: 3, passed: 3, failed: 0, errors: 0, skipped: 0, seconds: 1 };
  return { ...counts, complete: true, failures: [], moreFailures: 0, slowest: [], ...changes };
}

test("stages without reports have no line", () => {
  expect(renderTests([result(stage("a"), verdict())], plain)).toBe("");
});

test("one stage has its counts and the names of what failed", () => {
  const tests = reportOf({
    total: 123,
    passed: 120,
    failed: 1,
    errors: 1,
    skipped: 1,
    failures: [
      { kind: "failure", suite: "cart", name: "total", message: "9.50 is not 9.05" },
      { kind: "error", suite: "", name: "connects", message: "" },
    ],
  });
  expect(renderTests([result(stage("test"), failure({ tests }))], plain)).toBe(
    `tests: 120 passed, 1 failed, 1 error, 1 skipped
  cart > total: 9.50 is not 9.05
  connects
`,
  );
});

test("of several stages each is named, and what is missing is said", () => {
  const results = [
    result(stage("lint"), verdict()),
    result(stage("unit"), verdict({ tests: reportOf() })),
    result(
      stage("e2e"),
      failure({ tests: reportOf({ passed: 0, total: 0, complete: false, moreFailures: 7 }) }),
    ),
  ];
  expect(renderTests(results, plain)).toBe(
    `tests of unit: 3 passed
tests of e2e: none; reports are missing or broken, the log says which
  and 7 more
`,
  );
});

test("a name can't move the cursor, nor be longer than the line", () => {
  const failures = [{ kind: "failure", suite: "\u001b[2J", name: "x".repeat(300), message: "" }] as const;
  const text = renderTests([result(stage("a"), failure({ tests: reportOf({ failures }) }))], plain);
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  expect(Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)))).toBe(80);
});
