import { expect, test } from "bun:test";
import { $ } from "bun";

const main = new URL("../../../src/main.ts", import.meta.url).pathname;

async function run(...words: string[]) {
  const { stdout, stderr, exitCode } = await $`${process.execPath} ${main} ${words}`.nothrow().quiet();
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test("no command is a usage error, with the help on stderr", async () => {
  const { stdout, stderr, exitCode } = await run();
  expect([stdout, exitCode]).toEqual(["", 64]);
  expect(stderr).toContain("Commands:");
});

test("an unknown command names the nearest", async () => {
  expect(await run("exce")).toEqual({
    stdout: "",
    stderr: 'error: unknown command "exce"; did you mean exec?\nsee: gitfoss-ci-runner --help\n',
    exitCode: 64,
  });
  expect((await run("config", "shwo")).stderr).toContain('unknown command "shwo"; did you mean show?');
});

test.each([
  "constructor",
  "__proto__",
  "toString",
  "-",
  "--=",
  "",
  "x".repeat(10_000),
  "\u001b[2J",
  "status",
])("the word %j is no command", async (word) => {
  const { stdout, stderr, exitCode } = await run(word);
  expect([stdout, exitCode]).toEqual(["", 64]);
  expect(stderr).toStartWith("error: unknown ");
  expect(stderr).not.toContain("\u001b");
  expect(stderr.length).toBeLessThan(300);
});

test("an argument too many is a usage error", async () => {
  const { stderr, exitCode } = await run("version", "please");
  expect(exitCode).toBe(64);
  expect(stderr).toContain('version takes no argument "please"');
});

test("the version is data: on stdout, also as JSON", async () => {
  expect((await run("--version")).stdout).toMatch(/^gitfoss-ci-runner \S+ \(commit \S+\)\n$/);
  expect(Object.keys(JSON.parse((await run("version", "--json")).stdout))).toEqual(["version", "commit"]);
});

test("a reader that has left ends the program quietly", async () => {
  const script = `(sleep 0.2; "$0" "$1" exec --help; echo "code $?" >&2) | true`;
  const { stderr } = await $`sh -c ${script} ${process.execPath} ${main}`.quiet();
  expect(stderr.toString()).toBe("code 141\n");
});
