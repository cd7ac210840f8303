import { join } from "node:path";
import type { LocalRunner } from "../../app.ts";
import type { StagePlan } from "../../plan/plan.ts";
import type { SecretValues } from "../../store/secrets.ts";
import { copyArtifacts } from "./copy-artifacts.ts";
import { followRun } from "./follow.ts";
import { repositoryId } from "./repository-id.ts";
import type { Prepared } from "./prepare.ts";
import type { StageResult } from "./results.ts";
import { serviceLines } from "./service-lines.ts";
import type { View } from "./view.ts";

export interface StagesRun {
  readonly local: LocalRunner;
  readonly prepared: Prepared;
  readonly variables: Readonly<Record<string, string>>;
  readonly secrets: SecretValues;
  readonly reuse: boolean;
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
    submitted.push(...(await submit(stages)));
    if (signal.aborted) cancelAll();
    for (const run of submitted) {
      const result = follow(local.store, run, view, never);
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

/** To its end; of a failed stage, with what its services wrote. */
async function follow(
  store: LocalRunner["store"],
  run: SubmittedRun,
  view: View,
  signal: AbortSignal,
): Promise<StageResult> {
  const result = await followRun(store, run, view, signal);
  if (result.verdict.status !== "FAILURE" || run.plan.services === undefined) return result;
  return { ...result, services: await serviceLines(store, run.runId) };
}

/** All stages are decided, and accepted, before the first one begins. */
async function submit(stages: StagesRun): Promise<readonly SubmittedRun[]> {
  const pipelineId = `exec-${Bun.randomUUIDv7()}`;
  const { plan, source, inputs } = stages.prepared;
  const repoId = repositoryId(source);
  const wanted = plan.stages.map((stage) => {
    const taken = inputs?.get(stage.id);
    return {
      plan: stage,
      secrets: stages.secrets,
      request: {
        pipelineId,
        orgId: "local",
        repoId,
        stageId: stage.id,
        source,
        variables: stages.variables,
        ...(stages.reuse ? {} : { reuse: false }),
        ...(taken === undefined ? {} : { inputs: taken }),
      },
    };
  });
  return stages.local.runner.submitAll(wanted);
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
