import type { Status } from "./event.ts";
import { isFinal, isTolerated, type RunState } from "./run-state.ts";

/**
 * What the combinations of a matrix are together. As long as one isn't final they aren't either: RUNNING once anything has begun. Then
 * the worst counts: FAILURE for one that isn't allowed, CANCELED, SUCCESS for one that ran, PASSED when none did. A failure that is
 * allowed counts as a success, as it does for what needs the stage.
 */
export function statusOfAll(runs: readonly RunState[]): Status {
  const statuses = runs.map(({ status, verdict, plan }) =>
    verdict !== null && isTolerated(verdict, plan) ? "SUCCESS" : status,
  );
  if (statuses.every((status) => status === "PENDING")) return "PENDING";
  if (!statuses.every(isFinal)) return "RUNNING";
  return worstFirst.find((status) => statuses.includes(status)) ?? "PASSED";
}

const worstFirst = ["FAILURE", "CANCELED", "SUCCESS"] as const;
