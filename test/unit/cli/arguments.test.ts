import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { asksForHelp, parseArguments, variableOf, type Flag } from "../../../src/cli/arguments.ts";
import { RunnerError } from "../../../src/shared/errors.ts";

const flags = {
  jobs: { kind: "text", short: "j", value: "N", about: "" },
  env: { kind: "list", short: "e", value: "K=V", about: "" },
  "repo-root": { kind: "list", separator: ":", about: "" },
  list: { kind: "boolean", short: "l", about: "" },
} as const satisfies Readonly<Record<string, Flag>>;

const parse = (argv: readonly string[], environment = {}) => parseArguments(flags, argv, environment);

function refusalOf(argv: readonly string[], environment = {}): string {
  try {
    parse(argv, environment);
  } catch (error) {
    if (error instanceof RunnerError && error.code === "usage") return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a command line", () => {
  test("gives values in every usual spelling", () => {
    for (const argv of [["--jobs", "4"], ["--jobs=4"], ["-j", "4"], ["-j4"]]) {
      expect(parse(argv).text("jobs")).toBe("4");
    }
  });

  test("collects a repeated list in order and keeps what is in the values", () => {
    const args = parse(["-e", "A=1", "--env=B=2=3", "-eC=", "--env", "D=-"]);
    expect(args.list("env")).toEqual(["A=1", "B=2=3", "C=", "D=-"]);
  });

  test("has no value for what isn't given", () => {
    const args = parse([]);
    expect([args.text("jobs"), args.list("env"), args.is("list"), args.operands]).toEqual([
      undefined,
      [],
      false,
      [],
    ]);
  });

  test("keeps operands in order between flags, a lone dash among them", () => {
    expect(parse(["a.yml", "--list", "-", "b"]).operands).toEqual(["a.yml", "-", "b"]);
  });

  test("takes everything after -- as operands", () => {
    const args = parse(["x", "--", "--list", "-j", "--", "--nope"]);
    expect(args.operands).toEqual(["x", "--list", "-j", "--", "--nope"]);
    expect(args.is("list")).toBe(false);
  });

  test("turns a boolean on and off", () => {
    expect(parse(["--list"]).is("list")).toBe(true);
    expect(parse(["--list=true"]).is("list")).toBe(true);
    expect(parse(["--no-list"]).is("list")).toBe(false);
    expect(parse(["--list=0"]).is("list")).toBe(false);
  });

  test("keeps an empty value that is given as one", () => {
    expect(parse(["--jobs="]).text("jobs")).toBe("");
    expect(parse(["--jobs", ""]).text("jobs")).toBe("");
  });
});

describe("a wrong command line", () => {
  test("names the nearest flag", () => {
    expect(refusalOf(["--jbos", "3"])).toBe('unknown flag "--jbos"; did you mean --jobs?');
    expect(refusalOf(["--lists"])).toBe('unknown flag "--lists"; did you mean --list?');
  });

  test("names no flag when none is near", () => {
    expect(refusalOf(["--frobnicate"])).toBe('unknown flag "--frobnicate"');
  });

  test("is refused for a missing value", () => {
    expect(refusalOf(["--jobs"])).toBe("--jobs needs a value: --jobs=N");
    expect(refusalOf(["-e"])).toBe("--env needs a value: --env=K=V");
  });

  test("doesn't take the next flag as a value", () => {
    expect(refusalOf(["--jobs", "--list"])).toContain("--jobs needs a value; one that begins with a dash");
    expect(refusalOf(["--jobs", "--"])).toContain("--jobs needs a value");
    expect(refusalOf(["-j", "-1"])).toContain("--jobs needs a value");
  });

  test("is refused for a flag that may stand but once", () => {
    expect(refusalOf(["-j1", "--jobs=2"])).toBe("--jobs is given twice");
    expect(refusalOf(["--list", "--no-list"])).toBe("--list is given twice");
  });

  test("is refused for a boolean with another value", () => {
    expect(refusalOf(["--list=perhaps"])).toBe('--list is true or false, not "perhaps"');
    expect(refusalOf(["-lx"])).toContain('unknown flag "-lx"');
    expect(refusalOf(["--no-list=true"])).toContain('unknown flag "--no-list"');
    expect(refusalOf(["--no-jobs"])).toContain('unknown flag "--no-jobs"');
  });

  const hostile = [
    "--=",
    "--=x",
    "---",
    "---list",
    "-=",
    "-é",
    "--constructor",
    "--__proto__",
    "--toString=1",
    "--no-__proto__",
    `--${"x".repeat(10_000)}`,
    `-${"x".repeat(10_000)}`,
    "--\u001b[31mred",
    "--\u202eevil",
    "--a\nb",
    "--list\u0000",
  ];
  test.each(hostile)("is refused safely and in few words: %j", (word) => {
    const message = refusalOf([word]);
    expect(message).toStartWith("unknown flag");
    expect(message.length).toBeLessThan(300);
    expect(message).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
  });

  test("is either read or refused as usage, whatever it is", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("--", "-", "-j", "--jobs", "--env=A=1", "-e", "--list", "--no-list", "-h", "x"),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
        try {
          parse(argv);
        } catch (error) {
          expect(error).toBeInstanceOf(RunnerError);
          expect(error).toHaveProperty("code", "usage");
        }
      }),
    );
  });

  test("of 100,000 words is read at once", () => {
    const argv = Array.from({ length: 100_000 }, (_, index) => `stage-${index}`);
    expect(parse([...argv, "--", ...argv]).operands).toHaveLength(200_000);
  });
});

describe("the environment", () => {
  test("stands in for a flag that isn't given", () => {
    expect(parse([], { GITFOSS_RUNNER_JOBS: "3" }).text("jobs")).toBe("3");
    expect(parse(["-j4"], { GITFOSS_RUNNER_JOBS: "3" }).text("jobs")).toBe("4");
  });

  test("counts for nothing when empty", () => {
    expect(parse([], { GITFOSS_RUNNER_JOBS: "", GITFOSS_RUNNER_LIST: "" }).text("jobs")).toBeUndefined();
  });

  test("holds a list with its separator", () => {
    const args = parse([], { GITFOSS_RUNNER_ENV: "A=1\nB=x:y\n", GITFOSS_RUNNER_REPO_ROOT: "/a:/b" });
    expect(args.list("env")).toEqual(["A=1", "B=x:y"]);
    expect(args.list("repo-root")).toEqual(["/a", "/b"]);
  });

  test("holds a boolean, and the error names the variable", () => {
    expect(parse([], { GITFOSS_RUNNER_LIST: "1" }).is("list")).toBe(true);
    expect(parse(["--no-list"], { GITFOSS_RUNNER_LIST: "1" }).is("list")).toBe(false);
    expect(refusalOf([], { GITFOSS_RUNNER_LIST: "yes" })).toBe(
      'GITFOSS_RUNNER_LIST is true or false, not "yes"',
    );
  });

  test("names its variables after the flags", () => {
    expect(variableOf("state-dir")).toBe("GITFOSS_RUNNER_STATE_DIR");
  });
});

test("help is asked for before --, not after it", () => {
  expect(asksForHelp(["--nope", "--help"])).toBe(true);
  expect(asksForHelp(["-h"])).toBe(true);
  expect(asksForHelp(["--", "--help"])).toBe(false);
});
