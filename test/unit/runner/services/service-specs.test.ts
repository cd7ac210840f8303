import { expect, test } from "bun:test";
import type { RunState } from "../../../../src/events/run-state.ts";
import type { ServicePlan } from "../../../../src/plan/plan.ts";
import { serviceSpecs } from "../../../../src/runner/services/service-specs.ts";
import { stagePlan } from "../../../support/stage-plan.ts";

function service(name: string, more: Partial<ServicePlan> = {}): ServicePlan {
  return { image: { name, pullPolicy: "if_not_present" }, variables: {}, ...more };
}

function stateWith(services: readonly ServicePlan[]): RunState {
  const variables = { LEVEL: "1", TOKEN: "" };
  const secrets = ["TOKEN", "PASSWORD"].map((name) => ({ variable: name, name, file: false }));
  return {
    runId: "run",
    request: {
      pipelineId: "p",
      orgId: "o",
      repoId: "r",
      stageId: "s",
      source: { kind: "tree", folder: "/nowhere" },
      variables: { FROM_TRIGGER: "t" },
    },
    plan: stagePlan({ id: "s", services, variables, secrets }),
    status: "RUNNING",
    createdAt: "",
    startedAt: null,
    finishedAt: null,
    deadline: null,
    attempts: 1,
    handle: null,
    image: null,
    pullSeconds: null,
    cancelRequestedBy: null,
    verdict: null,
    lastSeq: 1,
  };
}

const environment = { LEVEL: "1", FROM_TRIGGER: "t", TOKEN: "s3cret", PASSWORD: "hunter2", CI_RUN_ID: "run" };

test("a secret reaches a service only where a variable refers to it, though a variable has its name", () => {
  const own = { DB_PASSWORD: "$PASSWORD", RUN: "${CI_RUN_ID}" };
  const [plain, asks] = serviceSpecs(
    stateWith([service("redis"), service("postgres", { variables: own })]),
    environment,
  );
  expect(plain?.environment).toEqual({ LEVEL: "1", FROM_TRIGGER: "t" });
  expect(asks?.environment).toEqual({
    LEVEL: "1",
    FROM_TRIGGER: "t",
    DB_PASSWORD: "hunter2",
    RUN: "run",
  });
});

test("a host name leads to one service: to the one that is called so, else to the first whose image has it", () => {
  const services = [
    service("a/db:1", { alias: "one" }),
    service("a/db:2"),
    service("x/y", { alias: "a-db" }),
  ];
  expect(serviceSpecs(stateWith(services), {}).map(({ names }) => names)).toEqual([
    ["one", "a__db"],
    ["db"],
    ["a-db", "x__y", "x-y"],
  ]);
});
