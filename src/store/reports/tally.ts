import type { FailedTest, SlowTest, TestReport } from "../../events/test-report.ts";

const mostFailures = 50;
const mostSlow = 10;
const longestName = 300;
const longestMessage = 500;

/** One test as a report has it. */
export interface TestCase {
  readonly result: "passed" | "failure" | "error" | "skipped";
  readonly suite: string;
  readonly name: string;
  readonly file: string | undefined;
  readonly message: string;
  readonly seconds: number;
}

/** Counts tests. Holds no more than what a verdict shows, however many there are. */
export class Tally {
  readonly #masked: (text: string) => string;
  readonly #counts = { passed: 0, failure: 0, error: 0, skipped: 0 };
  readonly #failures: FailedTest[] = [];
  #slowest: SlowTest[] = [];
  #seconds = 0;
  #complete = true;

  /** `masked` sees every text whole: what is cut first could leave a part of a secret. */
  constructor(masked: (text: string) => string) {
    this.#masked = masked;
  }

  add(given: TestCase): void {
    this.#counts[given.result] += 1;
    this.#seconds += given.seconds;
    const isListed = this.#failures.length < mostFailures;
    if (isListed && (given.result === "failure" || given.result === "error")) {
      this.#failures.push(failedTest(this.#shown(given), given.result));
    }
    this.#keepIfSlow(given);
  }

  #shown({ suite, name, file, message, ...rest }: TestCase): TestCase {
    const masked = this.#masked;
    return {
      ...rest,
      suite: masked(suite),
      name: masked(name),
      file: file === undefined ? undefined : masked(file),
      message: masked(message),
    };
  }

  /** Something of the reports couldn't be read. */
  markIncomplete(): void {
    this.#complete = false;
  }

  report(): TestReport {
    const { passed, failure, error, skipped } = this.#counts;
    return {
      total: passed + failure + error + skipped,
      passed,
      failed: failure,
      errors: error,
      skipped,
      seconds: rounded(this.#seconds),
      complete: this.#complete,
      failures: this.#failures,
      moreFailures: failure + error - this.#failures.length,
      slowest: this.#slowest,
    };
  }

  #keepIfSlow({ suite, name, seconds }: TestCase): void {
    if (seconds <= 0) return;
    const last = this.#slowest.at(-1);
    if (this.#slowest.length === mostSlow && last !== undefined && last.seconds >= seconds) return;
    const slow = {
      suite: shortened(this.#masked(suite), longestName),
      name: shortened(this.#masked(name), longestName),
      seconds: rounded(seconds),
    };
    this.#slowest = [...this.#slowest, slow]
      .toSorted((one, other) => other.seconds - one.seconds)
      .slice(0, mostSlow);
  }
}

function failedTest({ suite, name, file, message }: TestCase, kind: FailedTest["kind"]): FailedTest {
  return {
    kind,
    suite: shortened(suite, longestName),
    name: shortened(name, longestName),
    ...(file === undefined ? {} : { file: shortened(file, longestName) }),
    message: shortened(message, longestMessage),
  };
}

/** On one line, whole characters only. */
function shortened(text: string, longest: number): string {
  const line = text
    .slice(0, longest * 4)
    .replaceAll(/\s+/g, " ")
    .trim()
    .toWellFormed();
  return line.length <= longest ? line : `${line.slice(0, longest - 1).toWellFormed()}…`;
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
