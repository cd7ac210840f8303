import { RunnerError } from "../shared/errors.ts";
import { nearest } from "../manifest/suggest.ts";
import type { Plan } from "./plan.ts";

/** These stages and all that they need, in the plan's order; all of it for none. Unknown ids: `not_found`. */
export function selectStages(plan: Plan, stageIds: readonly string[]): Plan {
  if (stageIds.length === 0) return plan;
  const byId = new Map(plan.stages.map((stage) => [stage.id, stage]));
  for (const id of stageIds) {
    if (!byId.has(id)) throw unknownStage(id, [...byId.keys()]);
  }
  const wanted = new Set(stageIds);
  for (const id of wanted) {
    for (const need of byId.get(id)?.needs ?? []) wanted.add(need.stage);
  }
  return { ...plan, stages: plan.stages.filter(({ id }) => wanted.has(id)) };
}

function unknownStage(id: string, known: readonly string[]): RunnerError {
  const meant = nearest(id, known);
  const hint = meant === undefined ? `; there are ${known.join(", ")}` : `; did you mean "${meant}"?`;
  return new RunnerError("not_found", `the manifest has no stage ${JSON.stringify(id)}${hint}`);
}
