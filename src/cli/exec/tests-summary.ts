import { describeTests, type FailedTest, type TestReport } from "../../events/test-report.ts";
import { printable } from "../printable.ts";
import type { StageResult } from "./results.ts";
import { cutTo, paint, red } from "./style.ts";

/** Of each stage with test reports a line with their counts, and one for each test that failed. */
export function renderTests(
  results: readonly StageResult[],
  look: { readonly columns: number; readonly colour: boolean },
): string {
  const lines = results.flatMap(({ plan, verdict }) => {
    if (verdict.tests === undefined) return [];
    const whose = results.length > 1 ? `tests of ${printable(plan.id)}` : "tests";
    const missing = verdict.tests.complete ? "" : "; reports are missing or broken, the log says which";
    const failures = failuresOf(verdict.tests).map((line) =>
      paint(cutTo(line, look.columns), red, look.colour),
    );
    return [`${whose}: ${describeTests(verdict.tests)}${missing}`, ...failures];
  });
  return lines.map((line) => `${line}\n`).join("");
}

function failuresOf({ failures, moreFailures }: TestReport): readonly string[] {
  const named = failures.map((test) => `  ${printable(nameOf(test))}`);
  return moreFailures === 0 ? named : [...named, `  and ${moreFailures} more`];
}

function nameOf({ suite, name, message }: FailedTest): string {
  const whole = suite === "" ? name : `${suite} > ${name}`;
  return message === "" ? whole : `${whole}: ${message}`;
}
