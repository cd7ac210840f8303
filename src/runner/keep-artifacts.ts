import { formatBytes } from "../shared/bytes.ts";
import type { ArtifactsPlan } from "../plan/plan.ts";
import type { RunState } from "../events/run-state.ts";
import type { Collected } from "../store/artifacts.ts";
import type { RunLog } from "../store/run-log.ts";
import type { RunnerOptions } from "./context.ts";
import { failure, outcomeOfError, type Outcome } from "./outcome.ts";
import { workFolders } from "./workspace.ts";

export interface Kept {
  /** As it was, or a failure of a stage that succeeded but whose artifacts aren't there. */
  readonly outcome: Outcome;
  readonly count: number;
}

/** The container is removed first: nothing of the stage may write while its files are read. */
export async function keepArtifacts(
  state: RunState,
  outcome: Outcome,
  log: RunLog,
  { engine, store, canceled }: Pick<RunnerOptions, "engine" | "store"> & { readonly canceled: AbortSignal },
): Promise<Kept> {
  const { runId, plan } = state;
  const none = { outcome, count: 0 };
  // What was interrupted before is kept all the same, if it's to be.
  const stopping = canceled.aborted ? [] : [canceled];
  if (plan.artifacts === undefined || state.handle === null || !isWanted(plan.artifacts, outcome))
    return none;
  try {
    await engine.remove(runId);
    const { workspace } = await workFolders(runId, store);
    const signal = AbortSignal.any([AbortSignal.timeout(collectDeadlineMs), ...stopping]);
    const wanted = { ...plan.artifacts, isSecret: (path: string) => log.masked(path) !== path };
    const collected = await store.collectArtifacts(runId, workspace, wanted, signal);
    return keptOf(collected, { outcome, log, paths: plan.artifacts.paths });
  } catch (error) {
    if (stopping.some(({ aborted }) => aborted)) {
      const { exitCode } = outcome;
      return { outcome: { status: "CANCELED", exitCode, cause: "canceled", reason: "canceled" }, count: 0 };
    }
    return outcome.status === "SUCCESS"
      ? { outcome: { ...outcomeOfError(error), exitCode: outcome.exitCode }, count: 0 }
      : none;
  }
}

interface Keeping {
  readonly outcome: Outcome;
  readonly log: RunLog;
  readonly paths: readonly string[];
}

/** Tells in the log what came of it. */
function keptOf({ artifacts, missing, refused }: Collected, { outcome, log, paths }: Keeping): Kept {
  for (const glob of missing) log.say(`artifacts: nothing matches ${glob}`);
  for (const why of refused) log.say(`artifacts: left out ${why}`);
  if (artifacts.length > 0) {
    const total = artifacts.reduce((sum, artifact) => sum + artifact.size, 0);
    log.say(`artifacts: kept ${String(artifacts.length)} (${formatBytes(total)})`);
    return { outcome, count: artifacts.length };
  }
  if (outcome.status !== "SUCCESS") return { outcome, count: 0 };
  const reason = `none of its artifacts is there: ${paths.join(", ")}`;
  return { outcome: failure("artifacts", reason, outcome.exitCode), count: 0 };
}

const collectDeadlineMs = 30 * 60 * 1000;

/** Test reports alone are no artifacts: they are read, not kept. */
function isWanted({ paths, when }: ArtifactsPlan, outcome: Outcome): boolean {
  if (paths.length === 0) return false;
  if (when === "always") return true;
  return (when === "on_success") === (outcome.status === "SUCCESS");
}
