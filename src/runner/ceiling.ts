import { RunnerError } from "../shared/errors.ts";
import { underCeiling, type Ceiling } from "../plan/ceiling.ts";
import type { StagePlan } from "../plan/plan.ts";

/** The plan with the operator's limits where it has none. Throws `invalid_request` when it asks for more. */
export function limited(plan: StagePlan, ceiling: Ceiling | null): StagePlan {
  const answer = underCeiling(plan, ceiling);
  if ("plan" in answer) return answer.plan;
  const { excess } = answer;
  throw new RunnerError("invalid_request", excess.map(({ message }) => message).join("; "), {
    errors: excess,
  });
}
