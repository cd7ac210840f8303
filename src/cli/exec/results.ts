import type { Verdict } from "../../events/event.ts";
import { isTolerated } from "../../events/run-state.ts";
import type { StagePlan } from "../../plan/plan.ts";
import { exit } from "../exit.ts";
import type { ServiceLines } from "./service-lines.ts";

/** How one stage of an `exec` ended. */
export interface StageResult {
  readonly plan: StagePlan;
  readonly verdict: Verdict;
  /** The end of its log, for those that failed. */
  readonly lastLines: readonly string[];
  /** What its services wrote last, for those that failed. */
  readonly services?: readonly ServiceLines[];
  /** How many tries failed before the one that the verdict is of. */
  readonly failedTries?: number;
}

/** A failure that counts: one that the manifest doesn't allow. */
export function hasFailed({ plan, verdict }: StageResult): boolean {
  return verdict.status === "FAILURE" && !isTolerated(verdict, plan);
}

/** 0 when nothing failed that wasn't allowed to; 124 when time ran out and nothing else went wrong. */
export function exitOfResults(results: readonly StageResult[]): number {
  const failed = results.filter(hasFailed);
  if (failed.length === 0) return results.some(isCanceled) ? exit.stageFailed : exit.ok;
  return failed.every(({ verdict }) => verdict.cause === "timeout") ? exit.timeout : exit.stageFailed;
}

function isCanceled({ plan, verdict }: StageResult): boolean {
  return verdict.status === "CANCELED" && plan.allowFailure !== true;
}
