import { RunnerError } from "../shared/errors.ts";
import { nearest } from "../manifest/suggest.ts";
import type { Plan } from "./plan.ts";

/**
 * These stages and all that they need, in the plan's order; all of it for none. The id of a matrix is that of all its
 * combinations. Unknown ids: `not_found`.
 */
export function selectStages(plan: Plan, stageIds: readonly string[]): Plan {
  if (stageIds.length === 0) return plan;
  const byId = new Map(plan.stages.map((stage) => [stage.id, stage]));
  const wanted = new Set(idsNamed(plan, stageIds));
  for (const id of wanted) {
    for (const need of byId.get(id)?.needs ?? []) wanted.add(need.stage);
  }
  return { ...plan, stages: plan.stages.filter(({ id }) => wanted.has(id)) };
}

function idsNamed({ stages }: Plan, stageIds: readonly string[]): readonly string[] {
  const named = new Map(stages.map(({ id }) => [id, [id]]));
  for (const { id, matrixOf } of stages) {
    if (matrixOf !== undefined) named.set(matrixOf, [...(named.get(matrixOf) ?? []), id]);
  }
  return stageIds.flatMap((id) => {
    const ids = named.get(id);
    if (ids === undefined) throw unknownStage(id, [...named.keys()]);
    return ids;
  });
}

function unknownStage(id: string, known: readonly string[]): RunnerError {
  const meant = nearest(id, known);
  const hint = meant === undefined ? `; there are ${known.join(", ")}` : `; did you mean "${meant}"?`;
  return new RunnerError("not_found", `the manifest has no stage ${JSON.stringify(id)}${hint}`);
}
