import type { Tally, TestCase } from "./tally.ts";
import { type Attributes, type XmlHandlers, XmlReader } from "./xml.ts";

/** Of the text of a failure, what is kept until it's shortened. */
const mostText = 4096;

interface Suite {
  readonly name: string;
  readonly file: string | undefined;
}

interface OpenTest extends Pick<TestCase, "suite" | "name" | "file" | "seconds"> {
  result: TestCase["result"];
  message: string;
}

const severity = ["passed", "skipped", "failure", "error"] as const;
/** By element. */
const results: Partial<Record<string, TestCase["result"]>> = {
  skipped: "skipped",
  failure: "failure",
  error: "error",
};

/**
 * A reader of one JUnit report, in whichever dialect, that counts its tests: those that stand there, not those that an
 * attribute claims. What was read before a fault counts.
 */
export function junitReader(tally: Tally): XmlReader {
  return new XmlReader(new Junit(tally));
}

class Junit implements XmlHandlers {
  readonly #tally: Tally;
  readonly #suites: Suite[] = [];
  #test: OpenTest | undefined;
  /** The text of the failure that is open. */
  #text: string | undefined;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  open(element: string, attributes: Attributes, depth: number): string | undefined {
    if (depth === 1 && element !== "testsuites" && element !== "testsuite") {
      return "it's no JUnit report: its root is neither testsuites nor testsuite";
    }
    if (element === "testsuite") this.#suites.push(suiteOf(attributes, this.#suites.at(-1)));
    else if (element === "testcase") this.#test ??= testOf(attributes, this.#suites.at(-1));
    else if (this.#test !== undefined) this.#openResult(this.#test, element, attributes);
    return undefined;
  }

  /** The worst of several counts. */
  #openResult(test: OpenTest, element: string, attributes: Attributes): void {
    const result = results[element];
    if (result === undefined || severity.indexOf(result) <= severity.indexOf(test.result)) return;
    test.result = result;
    if (result !== "skipped") this.#openMessage(test, attributes);
  }

  /** Some tools say no more than that it failed, and the rest in the text. */
  #openMessage(test: OpenTest, { message = "", type = "" }: Attributes): void {
    const saysSomething = !["", "failed"].includes(message.trim().toLowerCase());
    test.message = saysSomething ? message : type;
    this.#text = saysSomething ? undefined : "";
  }

  text(text: string): void {
    if (this.#text === undefined || this.#text.length >= mostText) return;
    this.#text += text.slice(0, mostText);
  }

  close(element: string): void {
    if (element === "testsuite") this.#suites.pop();
    if (this.#test === undefined) return;
    if (element === "failure" || element === "error") this.#closeResult(this.#test);
    if (element !== "testcase") return;
    this.#tally.add(this.#test);
    this.#test = undefined;
  }

  #closeResult(test: OpenTest): void {
    if (this.#text !== undefined && this.#text.trim() !== "") test.message = this.#text;
    this.#text = undefined;
  }
}

function suiteOf({ name = "", file }: Attributes, outer: Suite | undefined): Suite {
  return { name, file: file ?? outer?.file };
}

function testOf(attributes: Attributes, suite: Suite | undefined): OpenTest {
  const { name = "", classname, class: inClass, file, time } = attributes;
  const owners = [classname, inClass, suite?.name];
  return {
    // A tool that has no classes often repeats the test's name.
    suite: owners.find((owner) => owner !== undefined && owner !== "" && owner !== name) ?? "",
    name,
    file: file ?? suite?.file,
    seconds: parseSeconds(time),
    result: didNotRun(attributes) ? "skipped" : "passed",
    message: "",
  };
}

function didNotRun({ status = "", result = "" }: Attributes): boolean {
  return ["notrun", "skipped", "disabled"].includes(status) || result === "skipped";
}

/** "0.125", "1,234.5" and, where a comma is the point, "0,125"; 0 for what is no time. */
function parseSeconds(time = ""): number {
  const isPoint = !time.includes(".") && time.indexOf(",") === time.lastIndexOf(",");
  const seconds = Number(isPoint ? time.replace(",", ".") : time.replaceAll(",", ""));
  return Number.isFinite(seconds) && seconds > 0 && seconds < 1e9 ? seconds : 0;
}
