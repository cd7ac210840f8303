import { describe, expect, test } from "bun:test";
import { parseArguments } from "../../../../src/cli/arguments.ts";
import { execFlags, readExecOptions } from "../../../../src/cli/exec/options.ts";
import { rerunCommand } from "../../../../src/cli/exec/rerun.ts";
import { renderList, renderListJson } from "../../../../src/cli/exec/list.ts";
import { planOf, stage } from "./samples.ts";

const read = (argv: readonly string[], environment: Record<string, string> = {}) =>
  readExecOptions(parseArguments(execFlags, argv, environment), environment);

describe("the first argument", () => {
  test.each(["a.yml", "A.YAML", "./x", "/x/y", "ci/"])("%j is the manifest", (word) => {
    expect(read([word, "test"])).toMatchObject({ manifest: word, stages: ["test"] });
  });

  test.each(["test", "yml", "a.yml.bak", "."])("%j is a stage", (word) => {
    expect(read([word, "b.yml"])).toMatchObject({ manifest: undefined, stages: [word, "b.yml"] });
  });

  test("may be neither", () => {
    expect(read([])).toMatchObject({ manifest: undefined, stages: [] });
    expect(() => read([""])).toThrow("the first argument is empty");
  });
});

describe("variables", () => {
  test("have values of their own or the environment's; the last one counts", () => {
    const { variables } = read(["-e", "A=1", "-e", "B", "-e", "C=x=y", "-e", "A=", "-e", "D=a\nb"], {
      B: "from outside",
    });
    expect(variables).toEqual({ A: "", B: "from outside", C: "x=y", D: "a\nb" });
  });

  test.each(["", "=", "=x", "1A=x", "A B=x", "A-B=1", "A\u0000=1", "é=1", "--e=1"])("%j is none", (text) => {
    expect(() => read([`--env=${text}`])).toThrow("can't be a variable's name");
  });

  test("that the environment lacks are refused by name", () => {
    expect(() => read(["-e", "TOKEN"])).toThrow("--env TOKEN: the environment has no such variable");
  });

  test("named like parts of an object are but names", () => {
    expect(() => read(["-e", "toString"])).toThrow("no such variable");
    expect(Object.entries(read(["-e", "__proto__=1"]).variables)).toEqual([["__proto__", "1"]]);
  });
});

test("words and numbers are held to their lists and bounds", () => {
  expect(() => read(["--progress=fancy"])).toThrow('--progress is one of plain, quiet, json, not "fancy"');
  expect(() => read(["-j0"])).toThrow("--jobs is a whole number");
  expect(() => read(["--grace=1.5"])).toThrow("--grace is a whole number");
  expect(() => read(["--json"])).toThrow("--json goes with --list");
  expect(read(["-j3", "--grace=0", "--progress=json"])).toMatchObject({
    jobs: 3,
    graceSeconds: 0,
    progress: "json",
  });
});

test("the line to run a stage again can be pasted and holds no value of a variable", () => {
  const options = read(["-e", "TOKEN=s3cret", "--ref=it's", "--pull", "--default-image=busybox:1"]);
  expect(rerunCommand(options, "a b.yml", "test")).toBe(
    "gitfoss-ci-runner exec --ref='it'\\''s' -e TOKEN --pull --default-image=busybox:1 'a b.yml' test".replace(
      "--ref='it'\\''s'",
      "'--ref=it'\\''s'",
    ),
  );
  expect(rerunCommand(read([]), ".gitfoss-ci.yml", "test")).toBe(
    "gitfoss-ci-runner exec .gitfoss-ci.yml test",
  );
});

test("the list has a line a stage", () => {
  const need = { stage: "build", artifacts: true, optional: false };
  const plan = planOf(stage("build"), stage("test", { needs: [need, { ...need, stage: "lint" }] }));
  expect(renderList(plan)).toBe(
    "stage  image          needs\nbuild  alpine:latest\ntest   alpine:latest  build, lint\n",
  );
  expect(JSON.parse(renderListJson(plan))).toEqual({
    stages: [
      { id: "build", image: "alpine:latest", needs: [] },
      { id: "test", image: "alpine:latest", needs: ["build", "lint"] },
    ],
  });
});
