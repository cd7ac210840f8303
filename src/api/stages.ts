import type { Elysia } from "elysia";
import { findRunOfStage } from "./find-run.ts";
import type { ApiContext } from "./options.ts";
import { stageParams, stageQuery } from "./schema.ts";
import { stageView } from "./views.ts";

export function addStages(app: Elysia, context: ApiContext): void {
  app.get(
    "/stage/:stageId",
    async ({ params, query }) => stageView(await findRunOfStage(context.store, params.stageId, query)),
    { params: stageParams, query: stageQuery },
  );
}
