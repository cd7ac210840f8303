import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { inOrderOfNeeds } from "../../../src/plan/graph.ts";
import type { StagePlan } from "../../../src/plan/plan.ts";
import { stagePlan } from "../../support/stage-plan.ts";

function stage(id: string, needs: readonly string[]): StagePlan {
  return stagePlan({ id, needs: needs.map((each) => ({ stage: each, artifacts: true, optional: false })) });
}

/** What the order is, in the plainest words. */
function slowly(stages: readonly StagePlan[]): readonly StagePlan[] {
  const placed: StagePlan[] = [];
  for (;;) {
    const next = stages.find(
      (one) => !placed.includes(one) && one.needs.every((need) => placed.some(({ id }) => id === need.stage)),
    );
    if (next === undefined) return placed;
    placed.push(next);
  }
}

/** Stages that need only such as have a smaller number, in any order. */
const graphs = fc
  .array(fc.array(fc.nat(20), { maxLength: 4 }), { maxLength: 15 })
  .map((all) =>
    all.map((needs, index) =>
      stage(
        `s${index}`,
        [...new Set(needs)].filter((n) => n < index).map((n) => `s${n}`),
      ),
    ),
  )
  .chain((stages) => fc.shuffledSubarray(stages, { minLength: stages.length }));

test("the first stage whose needs are placed comes next, whatever the graph", () => {
  fc.assert(fc.property(graphs, (stages) => expect(inOrderOfNeeds(stages)).toEqual(slowly(stages))));
});

test("a need to nowhere holds up nothing", () => {
  expect(inOrderOfNeeds([stage("a", ["gone"])]).map(({ id }) => id)).toEqual(["a"]);
});
