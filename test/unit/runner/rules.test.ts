import { expect, test } from "bun:test";
import type { RulePlan, StagePlan } from "../../../src/plan/plan.ts";
import { applyRules, type RuleFacts } from "../../../src/runner/rules.ts";
import type { Changes } from "../../../src/source/changes.ts";
import { stagePlan } from "../../support/stage-plan.ts";

type Rule = Partial<RulePlan>;

interface Given {
  readonly variables?: Readonly<Record<string, string>>;
  readonly changes?: Changes;
  readonly files?: readonly string[];
}

function factsOf({ variables = {}, changes, files }: Given, asked: string[] = []): RuleFacts {
  return {
    lookup: (name) => variables[name],
    changes: async () => {
      asked.push("changes");
      return changes ?? { kind: "some", paths: [] };
    },
    files: async () => {
      asked.push("files");
      return files ?? [];
    },
  };
}

async function decided(
  rules: readonly Rule[],
  given: Given = {},
  more: Partial<StagePlan> = {},
): Promise<StagePlan> {
  const plan = stagePlan({ ...more, rules: rules.map((rule) => ({ variables: {}, ...rule })) });
  return applyRules(plan, factsOf(given));
}

test("a stage without rules, or with none in its list, stays as it is", async () => {
  const plan = stagePlan({ when: "always" });
  expect(await applyRules(plan, factsOf({}))).toEqual(plan);
  expect(await applyRules({ ...plan, rules: [] }, factsOf({}))).toEqual(plan);
});

test("the first rule that fits decides, and no rule is left afterwards", async () => {
  const rules = [
    { if: "$A", when: "never" },
    { if: "$B", when: "always", allowFailure: [3], variables: { X: "rule", Y: "rule" } },
    { when: "on_failure" },
  ] as const;
  const plan = await decided(rules, { variables: { B: "1" } }, { variables: { X: "stage", Z: "stage" } });
  expect(plan).toEqual(
    stagePlan({ when: "always", allowFailure: [3], variables: { X: "rule", Y: "rule", Z: "stage" } }),
  );
});

test("what the rule doesn't say the stage does", async () => {
  expect(await decided([{}], {}, { when: "on_failure", allowFailure: true })).toMatchObject({
    when: "on_failure",
    allowFailure: true,
  });
  expect(await decided([{ allowFailure: false }], {}, { allowFailure: true })).toMatchObject({
    allowFailure: false,
  });
});

test("a rule that says never leaves the stage out, and so does a stage's own never", async () => {
  expect((await decided([{ if: "$A" }, { when: "never" }])).leftOut).toBe("rule 2 applies, and says never");
  expect((await decided([{}], {}, { when: "never" })).leftOut).toBe("rule 1 applies, and says never");
});

test("all conditions of a rule must hold, and no file is looked for in vain", async () => {
  const asked: string[] = [];
  const rule = { if: "$A", changes: ["src"], exists: ["Makefile"], variables: {} };
  const facts = factsOf({ variables: { A: "1" }, changes: { kind: "some", paths: ["src/a"] } }, asked);
  const plan = await applyRules(stagePlan({ rules: [rule] }), facts);
  expect(plan.leftOut).toBe("none of its rules applies (rule 1: nothing of Makefile exists)");
  expect(asked).toEqual(["changes", "files"]);
  asked.length = 0;
  await applyRules(stagePlan({ rules: [{ ...rule, if: "$B" }] }), facts);
  expect(asked).toEqual([]);
});

const matching: readonly (readonly [glob: string, path: string, fits: boolean])[] = [
  ["docs", "docs/a/b", true],
  ["docs/", "docs/a/b", true],
  ["**/*.md", "docs/a.md", true],
  ["*.md", "docs/a.md", false],
  ["$DIR/*", "docs/a", true],
  ["${NONE}*", "docs/a", true],
  ["../docs", "docs/a", false],
  ["/docs", "docs/a", false],
  ["{docs,src}/a", "docs/a", true],
];

for (const [glob, path, fits] of matching) {
  test(`${glob} ${fits ? "names" : "doesn't name"} ${path}`, async () => {
    const given = {
      variables: { DIR: "docs" },
      changes: { kind: "some", paths: ["x", path] },
      files: [path],
    } as const;
    expect((await decided([{ changes: [glob] }], given)).leftOut === undefined).toBe(fits);
    expect((await decided([{ exists: ["nope", glob] }], given)).leftOut === undefined).toBe(fits);
  });
}

test("what couldn't be told exactly is noted, once", async () => {
  const all = { kind: "all", why: "there is no commit before it" } as const;
  const rules = [{ changes: ["a"], exists: ["no"] }, { changes: ["b"] }];
  expect(await decided(rules, { changes: all })).toEqual(
    stagePlan({ notes: ["rules: all files count as changed, since there is no commit before it"] }),
  );
  const some = { kind: "some", paths: [], note: "compared with the first parent" } as const;
  expect(await decided(rules, { changes: some })).toMatchObject({
    leftOut: expect.stringContaining("nothing of b has changed"),
    notes: ["rules: compared with the first parent"],
  });
});

test("a variable that should hold a regex and doesn't is the trigger's fault, and told so", async () => {
  const failing = decided([{ if: "$A =~ $B" }], { variables: { A: "x", B: "(" } });
  expect(await failing.catch((error: unknown) => error)).toMatchObject({
    code: "invalid_request",
    message: `"if" in rule 1 of stage "build" can't be told: $B holds no regex: it must be written /regex/`,
  });
});

test("a hundred rules with long conditions are told in a line that people can read", async () => {
  const rules = Array.from({ length: 100 }, () => ({ if: `$A == "${"x".repeat(1000)}"\n || $B` }));
  const { leftOut = "" } = await decided(rules);
  expect(leftOut.length).toBeLessThan(2000);
  expect(leftOut).not.toContain("\n");
  expect(leftOut).toEndWith("; and 90 more)");
});

test("globs and files without end are refused, and others get their turn meanwhile", async () => {
  const files = Array.from({ length: 200_000 }, (_, index) => `a/${String(index)}`);
  const rules = [{ exists: Array.from({ length: 1000 }, (_, index) => `b${String(index)}`) }];
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  const error = await decided(rules, { files }).catch((thrown: unknown) => thrown);
  clearInterval(timer);
  expect(error).toMatchObject({ code: "invalid_request", message: expect.stringContaining("use fewer") });
  expect(turns).toBeGreaterThan(10);
});

test("globs that a variable makes longer than any path fit nothing, and take no time", async () => {
  const rules = [{ exists: Array.from({ length: 1000 }, (_, index) => `$LONG${String(index)}/*`) }];
  const variables = Object.fromEntries(
    rules[0]?.exists.map((_, index) => [`LONG${String(index)}`, "a/".repeat(30_000)]) ?? [],
  );
  expect((await decided(rules, { variables, files: ["a/a"] })).leftOut).toBeDefined();
});
