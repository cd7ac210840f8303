import { count, flag, list, number, oneOf, optional, record, text } from "./shape.ts";

/** What a stage's test reports say of its tests. Part of the verdict and of the API. */
export interface TestReport {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly errors: number;
  readonly skipped: number;
  /** The sum of the tests' own times. */
  readonly seconds: number;
  /** False when a report was broken or too large: what could be read of it counts, the rest is missing. */
  readonly complete: boolean;
  /** The first of the tests that failed or ended in an error, in the order of the reports. */
  readonly failures: readonly FailedTest[];
  /** How many more there are. */
  readonly moreFailures: number;
  /** Slowest first. */
  readonly slowest: readonly SlowTest[];
}

export interface FailedTest {
  readonly kind: "failure" | "error";
  readonly suite: string;
  readonly name: string;
  readonly file?: string;
  /** On one line, shortened; "" when the report gives none. */
  readonly message: string;
}

export interface SlowTest {
  readonly suite: string;
  readonly name: string;
  readonly seconds: number;
}

/** "120 passed, 2 failed": the counts that aren't 0. */
export function describeTests({ passed, failed, errors, skipped }: TestReport): string {
  const counts: readonly (readonly [number, string])[] = [
    [passed, "passed"],
    [failed, "failed"],
    [errors, errors === 1 ? "error" : "errors"],
    [skipped, "skipped"],
  ];
  const parts = counts.flatMap(([many, word]) => (many > 0 ? [`${many} ${word}`] : []));
  return parts.length === 0 ? "none" : parts.join(", ");
}

/** The form of a report that was stored with its verdict. */
export const testReport = record({
  total: count,
  passed: count,
  failed: count,
  errors: count,
  skipped: count,
  seconds: number,
  complete: flag,
  failures: list(
    record({
      kind: oneOf("failure", "error"),
      suite: text,
      name: text,
      file: optional(text),
      message: text,
    }),
  ),
  moreFailures: count,
  slowest: list(record({ suite: text, name: text, seconds: number })),
});
