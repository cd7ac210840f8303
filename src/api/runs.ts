import type { Elysia } from "elysia";
import type { RunSummary } from "../store/summary.ts";
import { findRun } from "./find-run.ts";
import type { ApiContext, ApiStore } from "./options.ts";
import { eventsQuery, noQuery, runParams, runsQuery } from "./schema.ts";
import { eventStream } from "./run-events.ts";
import { runView, summaryView } from "./views.ts";

interface RunsQuery {
  readonly status?: string;
  readonly stageId?: string;
  readonly pipelineId?: string;
  readonly limit?: string;
  readonly cursor?: string;
}

export function addRuns(app: Elysia, context: ApiContext): void {
  app.get("/runs", ({ query }) => listRuns(context.store, query), { query: runsQuery });
  app.get("/run/:runId", ({ params }) => showRun(context, params.runId), {
    params: runParams,
    query: noQuery,
  });
  app.get(
    "/run/:runId/events",
    ({ params, query, request }) => eventStream(context, request, { ...params, ...query }),
    {
      params: runParams,
      query: eventsQuery,
    },
  );
  app.post("/run/:runId/cancel", ({ params }) => cancel(context, params.runId), {
    params: runParams,
    query: noQuery,
    parse: "none",
  });
}

async function showRun({ store, runner }: ApiContext, runId: string): Promise<object> {
  const run = await findRun(store, runId);
  return { ...runView(run), waitsFor: (await runner.waitsFor(runId)) ?? null };
}

async function cancel(context: ApiContext, runId: string): Promise<object> {
  await findRun(context.store, runId);
  return runView(await context.runner.cancel(runId, "api"));
}

/** Newest first. `cursor` is the last run of the page before. */
function listRuns(store: Pick<ApiStore, "runs">, query: RunsQuery): object {
  const limit = Number(query.limit ?? 50);
  const all = store.runs();
  const rest = query.cursor === undefined ? all : all.slice(indexAfter(all, query.cursor));
  const found: RunSummary[] = [];
  for (const run of rest) {
    if (!isWanted(run, query)) continue;
    if (found.length === limit) return { runs: found.map(summaryView), nextCursor: found.at(-1)?.runId };
    found.push(run);
  }
  return { runs: found.map(summaryView), nextCursor: null };
}

function isWanted(run: RunSummary, { status, stageId, pipelineId }: RunsQuery): boolean {
  return (
    (status === undefined || run.status === status) &&
    (stageId === undefined || run.stageId === stageId || run.matrixOf === stageId) &&
    (pipelineId === undefined || run.pipelineId === pipelineId)
  );
}

/** A run that has been removed meanwhile still marks its place: ids grow with time. */
function indexAfter(runs: readonly RunSummary[], cursor: string): number {
  const index = runs.findIndex(({ runId }) => runId <= cursor);
  if (index === -1) return runs.length;
  return runs[index]?.runId === cursor ? index + 1 : index;
}
