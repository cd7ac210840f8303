import { expect, test } from "bun:test";
import { underCeiling } from "../../../src/plan/ceiling.ts";
import { stagePlan } from "../../support/stage-plan.ts";

const ceiling = { cpus: 2, memory: 4 * 2 ** 30, pids: 512 };

test("without a ceiling a stage has what it asks for, and nothing where it asks for nothing", () => {
  const asking = stagePlan({ resources: { cpus: 64, shmBytes: 5 } });
  expect(underCeiling(asking, null)).toEqual({ plan: asking });
  expect(underCeiling(stagePlan(), null)).toEqual({ plan: stagePlan() });
  expect(underCeiling(stagePlan(), {})).toEqual({ plan: stagePlan() });
});

test("a stage that asks for nothing gets the ceiling, and less is left as it is", () => {
  const all = { cpus: 2, memoryBytes: 4 * 2 ** 30, pids: 512 };
  expect(underCeiling(stagePlan(), ceiling)).toEqual({ plan: stagePlan({ resources: all }) });
  const modest = stagePlan({ resources: { cpus: 2, memoryBytes: 1, shmBytes: 7 } });
  const given = { cpus: 2, memoryBytes: 1, pids: 512, shmBytes: 7 };
  expect(underCeiling(modest, ceiling)).toEqual({ plan: stagePlan({ resources: given }) });
});

test("what is too much is named, each with what was asked and what is allowed", () => {
  const greedy = stagePlan({ resources: { cpus: 2.5, memoryBytes: 4.5 * 2 ** 30, pids: 512 } });
  const answer = underCeiling(greedy, ceiling);
  const more = "at most; ask for less, or let the operator raise its ceiling";
  expect(answer).toEqual({
    excess: [
      {
        path: "stages.build.resources.cpus",
        message: `stage "build" asks for resources.cpus 2.5, and this runner allows 2 ${more}`,
      },
      {
        path: "stages.build.resources.memory",
        message: `stage "build" asks for resources.memory 4.5g, and this runner allows 4g ${more}`,
      },
    ],
  });
});
