import { expect, test } from "bun:test";
import { $ } from "bun";

const main = new URL("../../../src/main.ts", import.meta.url).pathname;
const commands = [
  "",
  "exec",
  "validate",
  "init",
  "import",
  "register",
  "run",
  "config",
  "config show",
  "config get",
  "config set",
  "cache",
  "cache list",
  "cache reset",
  "version",
];

test.each(commands)(
  "the help of %j goes to stdout, fits a screen and has an example or its commands",
  async (command) => {
    const words = command === "" ? [] : command.split(" ");
    const { stdout, stderr, exitCode } = await $`${process.execPath} ${main} ${words} --help`
      .nothrow()
      .quiet();
    expect(exitCode).toBe(0);
    expect(stderr.toString()).toBe("");
    const text = stdout.toString();
    const lines = text.split("\n");
    expect(lines.filter((line) => Bun.stringWidth(line) > 80)).toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(36);
    expect(text).toContain("Usage: gitfoss-ci-runner");
    expect(text).toMatch(/^(Example|Commands):$/m);
    expect(text).not.toContain("\u001b");
  },
);

test("every flag's environment variable stands in the help", async () => {
  const text = await $`${process.execPath} ${main} exec --help`.text();
  const flags = [...text.matchAll(/^ {2}(?:-\w, | {4})--([\w-]+)/gm)].map((match) => match[1] ?? "");
  expect(flags).toContain("default-image");
  for (const flag of flags.filter((name) => name !== "help")) {
    expect(text).toContain(`GITFOSS_RUNNER_${flag.toUpperCase().replaceAll("-", "_")}`);
  }
});

test("help is shown though the rest of the line is wrong", async () => {
  const { exitCode } = await $`${process.execPath} ${main} run --nope --help`.nothrow().quiet();
  expect(exitCode).toBe(0);
});
