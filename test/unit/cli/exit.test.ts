import { expect, test } from "bun:test";
import { endingSignals, exitCodes, exitOfSignal } from "../../../src/cli/exit.ts";
import { describe as describeError } from "../../../src/cli/program.ts";
import { RunnerError } from "../../../src/shared/errors.ts";

/** spec/cli.md */
const documented = [64, 65, 66, 69, 73, 74, 75, 77, 78];

test("every error code of the project has an exit code of the contract, and no other code has one", async () => {
  const source = await Bun.file(new URL("../../../src/shared/errors.ts", import.meta.url)).text();
  const union = source.slice(source.indexOf("export type ErrorCode"), source.indexOf(";"));
  const codes = [...union.matchAll(/\| "(\w+)"/g)].map((match) => match[1] ?? "");
  expect(codes.length).toBeGreaterThan(10);
  expect(Object.keys(exitCodes).toSorted()).toEqual(codes.toSorted());
  expect(Object.values(exitCodes).filter((exit) => !documented.includes(exit))).toEqual([]);
});

test("the exit codes are the contract's", () => {
  const { usage, manifest_invalid, manifest_missing, engine_unreachable, forge_unreachable } = exitCodes;
  expect([usage, manifest_invalid, manifest_missing, engine_unreachable, forge_unreachable]).toEqual([
    64, 65, 66, 69, 69,
  ]);
  const { state_unwritable, disk_full, queue_full, state_locked, forge_refused, not_registered } = exitCodes;
  expect([state_unwritable, disk_full, queue_full, state_locked, forge_refused, not_registered]).toEqual([
    73, 74, 75, 75, 77, 78,
  ]);
});

test("a signal's exit code is the shell's", () => {
  expect(endingSignals.map(exitOfSignal)).toEqual([130, 143, 129]);
});

test("an error is said in a line, with a line for each spot", () => {
  const error = new RunnerError("config_invalid", "config.json is wrong", {
    errors: [
      { path: "grace", message: "is no number" },
      { path: "", message: ".gitfoss-ci.yml:1:1 error: x\n  1 | y\n    | ^" },
    ],
  });
  expect(describeError(error, [], false)).toBe(
    "error: config.json is wrong\n  grace: is no number\n.gitfoss-ci.yml:1:1 error: x\n  1 | y\n    | ^\n",
  );
});

test("a usage error says whose help to read", () => {
  const error = new RunnerError("usage", "no");
  expect(describeError(error, ["exec", "--nope"], false)).toBe(
    "error: no\nsee: gitfoss-ci-runner exec --help\n",
  );
  expect(describeError(error, ["toString"], false)).toBe("error: no\nsee: gitfoss-ci-runner --help\n");
});

test("an unexpected error shows its stack only to those who ask", () => {
  const error = new TypeError("boom\u001b[2J");
  expect(describeError(error, [], false)).toBe("error: internal error: boom\\x1b[2J\n");
  expect(describeError(error, [], true)).toContain("exit.test.ts");
  expect(describeError("a string", [], true)).toBe("error: internal error: a string\n");
});
