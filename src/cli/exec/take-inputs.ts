import type { StagePlan } from "../../plan/plan.ts";
import { readInputs, type Inputs } from "../../source/inputs.ts";
import type { Prepared } from "./prepare.ts";

/**
 * With what the stages' inputs fit in a working tree, before anything is copied of it: what is edited later than that is seen
 * when the copy has been run. Of a commit the runner asks by itself. Nothing is taken for globs with variables, whose values
 * aren't decided yet: such a stage always runs.
 */
export async function withInputs(prepared: Prepared, signal: AbortSignal): Promise<Prepared> {
  const { plan, source } = prepared;
  if (source.kind === "repository" || plan.stages.every(({ inputs }) => inputs === undefined))
    return prepared;
  const reader = await readInputs(source, signal);
  const taken = new Map<StagePlan["id"], Inputs>();
  for (const { id, inputs } of plan.stages) {
    if (inputs?.every((glob) => !glob.includes("$")) === true) taken.set(id, await reader.of(inputs, signal));
  }
  return { ...prepared, inputs: taken };
}
