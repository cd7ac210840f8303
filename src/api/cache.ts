import type { Elysia } from "elysia";
import { RunnerError } from "../shared/errors.ts";
import type { CacheFilter } from "../store/cache/reset.ts";
import { readJson } from "./body.ts";
import type { ApiContext } from "./options.ts";
import { cacheFilter } from "./schema.ts";

export function addCache(app: Elysia, { store }: ApiContext): void {
  app.post("/cache/reset", ({ body, query }) => store.resetCache(merged(body, query)), {
    body: cacheFilter,
    query: cacheFilter,
    parse: ({ request }) => readJson(request),
  });
}

/** Said twice and differently, a filter could clear what wasn't meant. */
function merged(body: CacheFilter, query: CacheFilter): { pipelineId?: string; stageId?: string } {
  for (const key of ["pipelineId", "stageId"] as const) {
    if (body[key] !== undefined && query[key] !== undefined && body[key] !== query[key]) {
      const message = "differs from the body's";
      throw new RunnerError("invalid_request", `query.${key}: ${message}`, {
        errors: [{ path: `query.${key}`, message }],
      });
    }
  }
  return { ...query, ...body };
}
