import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { readReports, type ReportsRead } from "../../../../src/store/reports/read-reports.ts";
import { newFolder, removeFolders } from "../samples.ts";

afterAll(removeFolders);

const never = new AbortController().signal;
const one = '<testsuite name="s"><testcase name="a" time="1"/></testsuite>';

async function read(files: Readonly<Record<string, string | Uint8Array>>): Promise<ReportsRead> {
  const workspace = newFolder();
  for (const [path, content] of Object.entries(files)) await Bun.write(join(workspace, path), content);
  return readReports(workspace, ["**/*.xml"], hidden, never);
}

/** Two lines, as a key has them. */
const secret = "first line of it\nsecond line of it";
const hidden = (text: string): string => text.replaceAll(secret, "[MASKED]");

test("a secret is masked before its text is cut or put on one line", async () => {
  const at = (before: number): string =>
    `<testsuite><testcase name="a" time="1"><failure>${"x".repeat(before)} ${secret}</failure></testcase></testsuite>`;
  for (const before of [0, 480, 495]) {
    const { report } = await read({ "one.xml": at(before) });
    const [failed] = report?.failures ?? [];
    expect(failed?.message).toContain("x ".repeat(Math.min(1, before)).trim());
    expect(failed?.message).not.toMatch(/first|second/);
  }
});

test("several reports are added up, and what isn't named is left alone", async () => {
  const two =
    '<testsuites><testsuite name="t"><testcase name="b"><failure message="no"/></testcase></testsuite></testsuites>';
  expect(await read({ "a/one.xml": one, "two.xml": two, "three.txt": one })).toEqual({
    files: 2,
    notes: [],
    report: {
      total: 2,
      passed: 1,
      failed: 1,
      errors: 0,
      skipped: 0,
      seconds: 1,
      complete: true,
      failures: [{ kind: "failure", suite: "t", name: "b", message: "no" }],
      moreFailures: 0,
      slowest: [{ suite: "s", name: "a", seconds: 1 }],
    },
  });
});

test("a glob that matches nothing is told of, and there is no report", async () => {
  expect(await read({})).toEqual({ files: 0, notes: ["nothing matches **/*.xml"] });
});

describe("what isn't a sound report counts up to the fault, and is told of", () => {
  const cases: Readonly<Record<string, readonly [document: string, tests: number, note: string]>> = {
    "broken off": [`<testsuite><testcase name="a"/><testcase na`, 1, "broken at line 1: unclosed root tag"],
    "an unclosed element": [
      `<testsuite>\n<testcase name="a"/>\n</suite>`,
      1,
      "broken at line 3: unexpected close tag",
    ],
    "another kind of document": ["<html><testcase/></html>", 0, "it's no JUnit report"],
    "no document": ["all fine\n", 0, "broken at line 1: non-whitespace before first tag."],
    "an empty file": ["", 0, "it's empty"],
    "deep nesting": ["<testsuite>".repeat(100_000), 0, "nested too deeply"],
    "deep nesting below a test": [`<testsuite><testcase>${"<a>".repeat(1_000_000)}`, 0, "nested too deeply"],
    "an element of a million attributes": [
      `<testsuite><testcase ${Array.from({ length: 1_000_000 }, (_, at) => `a${at}="1"`).join(" ")}/></testsuite>`,
      0,
      "an element has too many attributes",
    ],
    "a name without end": [
      `<testsuite><testcase name="${"x".repeat(4_000_000)}"/>`,
      0,
      "a name, a value or a comment in it is too long",
    ],
    "a comment without end": [
      `<testsuite><!--${"x".repeat(4_000_000)}`,
      0,
      "a name, a value or a comment in it is too long",
    ],
    "a declaration without end": [
      `<!DOCTYPE a [${"x".repeat(4_000_000)}`,
      0,
      "a name, a value or a comment in it is too long",
    ],
  };
  for (const [name, [document, tests, note]] of Object.entries(cases)) {
    test(name, async () => {
      const { report, notes } = await read({ "r.xml": document });
      expect(report).toMatchObject({ total: tests, complete: false });
      expect(notes).toHaveLength(1);
      expect(notes[0]).toStartWith(`left out the rest of r.xml: ${note}`);
    });
  }
});

describe("nothing that a document declares is expanded or fetched", () => {
  test("a billion laughs", async () => {
    const levels = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`);
    const document = `<!DOCTYPE t [<!ENTITY l0 "lol">${levels.join("")}]><testsuite><testcase name="&l9;"><failure>&l9;</failure></testcase></testsuite>`;
    const { report, notes } = await read({ "r.xml": document });
    expect(notes).toEqual([]);
    expect(report?.failures).toEqual([{ kind: "failure", suite: "", name: "&l9;", message: "&l9;" }]);
  });

  test("a file of this machine", async () => {
    const document = `<?xml version="1.0"?><!DOCTYPE t [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite><testcase name="a"><failure message="&f;"/></testcase></testsuite>`;
    const { report } = await read({ "r.xml": document });
    expect(report?.failures).toEqual([{ kind: "failure", suite: "", name: "a", message: "&f;" }]);
  });
});

describe("encodings", () => {
  const named = (encoding: string, name: string): string =>
    `<?xml version="1.0" encoding="${encoding}"?><testsuite><testcase name="${name}"><failure/></testcase></testsuite>`;
  const cases: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    "UTF-8 with a mark": [Buffer.from(`\uFEFF${named("UTF-8", "größer")}`), "größer"],
    "Latin-1": [Buffer.from(named("ISO-8859-1", "größer"), "latin1"), "größer"],
    "UTF-16": [Buffer.from(`\uFEFF${named("UTF-16", "größer")}`, "utf16le"), "größer"],
    "one that nobody knows": [Buffer.from(named("x-klingon", "größer")), "größer"],
    "another than it says": [Buffer.from(named("UTF-8", "größer"), "latin1"), "gr\uFFFD\uFFFDer"],
    "a lie about its width": [Buffer.from(named("UTF-16", "größer")), "größer"],
  };
  for (const [name, [bytes, expected]] of Object.entries(cases)) {
    test(name, async () => {
      const { report, notes } = await read({ "r.xml": bytes });
      expect({ name: report?.failures[0]?.name, notes }).toEqual({ name: expected, notes: [] });
    });
  }
});

test("links, devices, FIFOs and the repository's own folder are left out", async () => {
  const workspace = newFolder();
  await Bun.write(join(workspace, "good.xml"), one);
  await Bun.write(join(workspace, ".git/r.xml"), one);
  const outside = newFolder();
  await Bun.write(join(outside, "r.xml"), one);
  symlinkSync(join(outside, "r.xml"), join(workspace, "link.xml"));
  symlinkSync("good.xml", join(workspace, "inner.xml"));
  symlinkSync(outside, join(workspace, "folder"));
  mkdirSync(join(workspace, "is-a-folder.xml"));
  Bun.spawnSync(["mkfifo", join(workspace, "fifo.xml")]);
  const { report, files, notes } = await readReports(
    workspace,
    ["**/*.xml", "folder/*.xml", "/etc/*.xml"],
    hidden,
    never,
  );
  expect({ files, total: report?.total, complete: report?.complete }).toEqual({
    files: 1,
    total: 1,
    complete: false,
  });
  expect(notes.toSorted()).toEqual([
    "left out fifo.xml: a FIFO",
    "left out inner.xml: a symbolic link",
    "left out link.xml: a symbolic link to an absolute path",
    "nothing matches /etc/*.xml",
    "nothing matches folder/*.xml",
  ]);
});

describe("however much there is", () => {
  test("a report of half a gigabyte is read up to its limit", async () => {
    const workspace = newFolder();
    const fd = openSync(join(workspace, "r.xml"), "w");
    writeSync(fd, '<testsuite><testcase name="a"/><testcase name="b"><system-out>');
    ftruncateSync(fd, 500 * 1024 * 1024);
    closeSync(fd);
    const { report, notes } = await readReports(workspace, ["r.xml"], hidden, never);
    expect(report).toMatchObject({ total: 1, complete: false });
    expect(notes).toEqual(["left out the rest of r.xml: it's larger than 67.1 MB"]);
  });

  test("tests without number are counted, and only a few are named", async () => {
    const failing = '<testcase name="t" time="0.001"><failure message="no"/></testcase>';
    const { report, notes } = await read({ "r.xml": `<testsuite>${failing.repeat(200_000)}</testsuite>` });
    expect(notes).toEqual([]);
    expect(report).toMatchObject({ total: 200_000, failed: 200_000, moreFailures: 199_950, seconds: 200 });
    expect([report?.failures.length, report?.slowest.length]).toEqual([50, 10]);
  });

  test("messages and names are shortened to one line, whole characters only", async () => {
    const long = "😀 \n".repeat(10_000);
    const { report } = await read({
      "r.xml": `<testsuite><testcase name="${long}" classname="${long}x" time="1"><failure>${long}</failure></testcase></testsuite>`,
    });
    const [failure] = report?.failures ?? [];
    expect(failure?.message).toHaveLength(500);
    expect(failure?.name).toHaveLength(300);
    expect(JSON.stringify(report)).not.toContain("\\n");
    expect(JSON.stringify(report).isWellFormed()).toBe(true);
    expect(JSON.stringify(report)).not.toContain("\\ud83d");
  });

  test("of reports without number, a thousand are read", async () => {
    const workspace = newFolder();
    for (let at = 0; at < 1100; at += 1) await Bun.write(join(workspace, `${at}.xml`), one);
    const { report, files, notes } = await readReports(workspace, ["*.xml"], hidden, never);
    expect({ files, total: report?.total, complete: report?.complete }).toEqual({
      files: 1000,
      total: 1000,
      complete: false,
    });
    expect(notes).toHaveLength(21);
    expect(notes.at(-1)).toBe("and 80 more");
  });

  test("when time is up, what has been read is the report", async () => {
    const workspace = newFolder();
    await Bun.write(join(workspace, "r.xml"), one);
    expect(await readReports(workspace, ["r.xml"], hidden, AbortSignal.abort())).toMatchObject({
      files: 0,
      notes: ["left out r.xml: it took too long to read them all"],
    });
    expect(await readReports(workspace, ["*.xml"], hidden, AbortSignal.abort())).toMatchObject({
      files: 0,
      notes: ["left out all: it took too long to find them"],
    });
  });
});
