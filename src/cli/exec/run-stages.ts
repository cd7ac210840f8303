import { join } from "node:path";
import type { LocalRunner } from "../../app.ts";
import type { RunRequest } from "../../events/event.ts";
import type { StagePlan } from "../../plan/plan.ts";
import { copyArtifacts } from "./copy-artifacts.ts";
import { followRun } from "./follow.ts";
import type { Prepared } from "./prepare.ts";
import type { StageResult } from "./results.ts";
import type { View } from "./view.ts";

export interface StagesRun {
  readonly local: LocalRunner;
  readonly prepared: Prepared;
  readonly variables: Readonly<Record<string, string>>;
  readonly view: View;
}

interface SubmittedRun {
  readonly runId: string;
  readonly plan: StagePlan;
}

/**
 * Runs every stage of the plan as one pipeline and shows it; resolves when all are final. An abort cancels what isn't
 * final yet, and the stages are still followed to their ends. When the view fails, they are canceled as well.
 */
export async function runStages(stages: StagesRun, signal: AbortSignal): Promise<Map<string, StageResult>> {
  const { local, view } = stages;
  const submitted: SubmittedRun[] = [];
  const cancelAll = () => {
    for (const { runId } of submitted) local.runner.cancel(runId, "the user").catch(() => {});
  };
  signal.addEventListener("abort", cancelAll, { once: true });
  const never = new AbortController().signal;
  const following: Promise<StageResult>[] = [];
  try {
    for await (const run of submit(stages, signal)) {
      submitted.push(run);
      if (signal.aborted) cancelAll();
      const result = followRun(local.store, run, view, never);
      result.catch(cancelAll);
      following.push(result);
    }
    const results = await Promise.all(following);
    return new Map(results.map((result, index) => [submitted[index]?.runId ?? "", result]));
  } catch (error) {
    cancelAll();
    await Promise.allSettled(following);
    throw error;
  } finally {
    signal.removeEventListener("abort", cancelAll);
  }
}

async function* submit(stages: StagesRun, signal: AbortSignal): AsyncGenerator<SubmittedRun> {
  const pipelineId = `exec-${Bun.randomUUIDv7()}`;
  for (const plan of stages.prepared.plan.stages) {
    if (signal.aborted) return;
    const request: RunRequest = {
      pipelineId,
      orgId: "local",
      repoId: "local",
      stageId: plan.id,
      source: stages.prepared.source,
      variables: stages.variables,
    };
    const { runId } = await stages.local.runner.submit(request, plan);
    yield { runId, plan };
  }
}

/** Copies what the stages left to `folder/<stage>/`. */
export async function copyAllArtifacts(
  local: LocalRunner,
  results: ReadonlyMap<string, StageResult>,
  folder: string,
): Promise<void> {
  for (const [runId, { plan, verdict }] of results) {
    if (verdict.artifacts > 0)
      await copyArtifacts(local.store, runId, join(folder, encodeURIComponent(plan.id)));
  }
}
