import { expect, test } from "bun:test";
import { expandPlan, secretMark } from "../../../src/plan/expand-plan.ts";
import type { StagePlan } from "../../../src/plan/plan.ts";
import { stagePlan } from "../../support/stage-plan.ts";

const values: Readonly<Record<string, string>> = {
  A: "one",
  UP: "..",
  ROOT: "/etc",
  BAD: "A B",
  LONG: "x".repeat(300),
  LINES: "a\nb",
  SECRET: secretMark,
  WITH_SECRET: `x${secretMark}y`,
};
const lookup = (name: string): string | undefined => values[name];

/** A plan that says `value` in each place that is expanded. */
function saying(value: string): StagePlan {
  const service = {
    image: { name: value, pullPolicy: "always" } as const,
    alias: value,
    command: [value],
    entrypoint: [value],
    variables: { KEPT: "$A" },
    healthcheck: { test: "$A", intervalSeconds: 1, timeoutSeconds: 1, retries: 1, startSeconds: 0 },
  };
  return stagePlan({
    image: { name: value, pullPolicy: "never" },
    workingDirectory: value,
    user: value,
    script: ["$A"],
    variables: { KEPT: "$A" },
    artifacts: { paths: [value], exclude: [value], when: "always", junit: [value] },
    caches: [
      { key: value, fallbackKeys: [value], paths: [value], policy: "pull", when: "always" },
      {
        key: { files: [value], prefix: value },
        fallbackKeys: [],
        paths: ["x"],
        policy: "pull",
        when: "always",
      },
    ],
    services: [service],
    inputs: [value],
    concurrency: { group: value, limit: 1, cancelInProgress: false },
  });
}

test("every place is expanded, and nothing that a shell or the gate reads", () => {
  expect(expandPlan(saying("$A-x"), lookup)).toEqual({
    ...saying("one-x"),
  });
  expect(expandPlan(saying("plain"), lookup)).toEqual(saying("plain"));
});

const places: readonly (readonly [
  key: string,
  change: (value: string) => Partial<StagePlan>,
  bad: readonly string[],
])[] = [
  [
    "image",
    (value) => ({ image: saying(value).image }),
    ["", "$BAD", "$A/", "$A//b", "$UP/x", "/$A", "$LINES", "$LONG$LONG"],
  ],
  [
    "working_directory",
    (workingDirectory) => ({ workingDirectory }),
    ["$ABSENT", "$UP", "a/$UP/b", "$ROOT", "$LINES"],
  ],
  ["user", (user) => ({ user }), ["$ABSENT", "$BAD", "-$A", "$A:$A:$A"]],
  [
    "artifacts.paths",
    (value) => ({ artifacts: { paths: [value], exclude: [], when: "always" } }),
    ["$UP/x", "$ROOT", "$ABSENT"],
  ],
  [
    "artifacts.exclude",
    (value) => ({ artifacts: { paths: ["a"], exclude: [value], when: "always" } }),
    ["$UP/x"],
  ],
  [
    "cache.paths",
    (value) => ({ caches: [{ key: "k", fallbackKeys: [], paths: [value], policy: "pull", when: "always" }] }),
    ["$UP/x", "$ROOT"],
  ],
  [
    "cache.key",
    (value) => ({ caches: [{ key: value, fallbackKeys: [], paths: ["a"], policy: "pull", when: "always" }] }),
    ["$LINES"],
  ],
  [
    "cache.key.files",
    (value) => ({
      caches: [
        {
          key: { files: [value], prefix: "" },
          fallbackKeys: [],
          paths: ["a"],
          policy: "pull",
          when: "always",
        },
      ],
    }),
    ["$ROOT"],
  ],
  [
    "services.name",
    (value) => ({ services: [{ image: saying(value).image, variables: {} }] }),
    ["$BAD", "$ABSENT"],
  ],
  [
    "services.alias",
    (alias) => ({ services: [{ image: saying("x").image, alias, variables: {} }] }),
    ["$BAD", "$ABSENT", "$A.b", "-$A", "$LONG"],
  ],
  [
    "services.command",
    (value) => ({ services: [{ image: saying("x").image, command: [value], variables: {} }] }),
    [],
  ],
  ["inputs", (value) => ({ inputs: [value] }), ["$UP"]],
  [
    "concurrency.group",
    (group) => ({ concurrency: { group, limit: 1, cancelInProgress: false } }),
    ["$ABSENT", "$LONG"],
  ],
];

for (const [key, change, bad] of places) {
  test(`"${key}" is named when its variables make no sense of it`, () => {
    for (const value of bad.filter((text) => text.includes("$"))) {
      expect(() => expandPlan(stagePlan(change(value)), lookup)).toThrow(
        `"${key}" of stage "build" can't be used: `,
      );
    }
    for (const value of ["$SECRET", "$WITH_SECRET"]) {
      expect(() => expandPlan(stagePlan(change(value)), lookup)).toThrow("it refers to a secret");
    }
  });
}

test("what is shown of a value that makes no sense is bounded", () => {
  const thrown = (): unknown => expandPlan(stagePlan({ user: "$LONG$LONG" }), lookup);
  expect(thrown).toThrow(new RegExp(`it's "x{200}", which isn't a user's name or id`));
});

test("thousands of words that name one long variable are refused", () => {
  const service = {
    image: saying("x").image,
    command: Array.from({ length: 100_000 }, () => "$LONG"),
    variables: {},
  };
  expect(() => expandPlan(stagePlan({ services: [service] }), lookup)).toThrow("become too long");
});
