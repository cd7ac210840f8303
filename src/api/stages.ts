import type { Elysia } from "elysia";
import { findRunOfStage } from "./find-run.ts";
import { combinationsOf } from "./matrix.ts";
import type { ApiContext } from "./options.ts";
import { stageParams, stageQuery } from "./schema.ts";
import { matrixView, stageView } from "./views.ts";

export function addStages(app: Elysia, context: ApiContext): void {
  app.get("/stage/:stageId", ({ params, query }) => showStage(context, params.stageId, query), {
    params: stageParams,
    query: stageQuery,
  });
}

async function showStage(
  { store }: ApiContext,
  stageId: string,
  query: { readonly pipelineId?: string; readonly runId?: string },
): Promise<object> {
  const isNamed = query.runId !== undefined || store.newestRunOf(stageId, query.pipelineId) !== undefined;
  const combinations = isNamed ? [] : await combinationsOf(store, stageId, query.pipelineId);
  if (combinations.length > 0) return matrixView(stageId, combinations);
  return stageView(await findRunOfStage(store, stageId, query));
}
