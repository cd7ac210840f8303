import { expect, test } from "bun:test";
import { printable, printableLines, quoted, shellWord } from "../../../src/cli/printable.ts";

test("what moves a cursor or turns the reading order is shown as a code", () => {
  expect(printable("a\u001b[31mb\r\n\t\u0000\u007f\u009b\u202e")).toBe(
    "a\\x1b[31mb\\x0d\\x0a\\x09\\x00\\x7f\\x9b\\u{202e}",
  );
  expect(printable("Grüße 日本 🚀")).toBe("Grüße 日本 🚀");
});

test("text of several lines keeps its line ends and tabs", () => {
  expect(printableLines("a\n\tb\u001b")).toBe("a\n\tb\\x1b");
});

test("a long word is cut", () => {
  expect(quoted("x".repeat(10_000))).toBe(`"${"x".repeat(60)}…"`);
});

test("a word for the shell is read back as it was", async () => {
  for (const word of ["plain", "a b", "it's", "$(touch x)", "`x`", 'a"b', "", "*", "\\", "a\nb", "-e"]) {
    const { stdout } = Bun.spawnSync(["sh", "-c", `printf %s ${shellWord(word)}`]);
    expect(stdout.toString()).toBe(word);
  }
});
