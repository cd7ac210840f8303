import { Elysia, ParseError, ValidationError } from "elysia";
import { allowedMethods } from "./allowed-methods.ts";
import type { AllowedMethods } from "./allowed-methods.ts";
import { addArtifacts } from "./artifacts.ts";
import { authProblem, isWebSocketUpgrade } from "./auth.ts";
import { border } from "./border.ts";
import { addCache } from "./cache.ts";
import { healthAnswer, healthPath } from "./health.ts";
import { hostProblem } from "./host.ts";
import { validationProblem } from "./invalid.ts";
import type { ApiContext } from "./options.ts";
import { problemOf, problemResponse } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { idleSeconds } from "./listen.ts";
import { addLogs } from "./logs.ts";
import { addRunner } from "./runner.ts";
import { addRuns } from "./runs.ts";
import { addServices } from "./services.ts";
import { addStages } from "./stages.ts";
import { addTrigger } from "./trigger.ts";

/** Every route, guarded. The guard stands in `onRequest`: the only hook that runs before routing, for unknown paths too. */
export function createRoutes(context: ApiContext): Elysia {
  const app = new Elysia({
    // Unknown keys are refused, not dropped.
    normalize: false,
    strictPath: true,
    handler: { standardHostname: false },
    nativeStaticResponse: false,
    // Bun's router would stand before the border and the guard.
    systemRouter: false,
    websocket: {
      idleTimeout: idleSeconds,
      maxPayloadLength: 1024,
      backpressureLimit: 16 * 1024 * 1024,
      closeOnBackpressureLimit: true,
      perMessageDeflate: false,
    },
  });
  app.wrap(border);
  app.onRequest(({ request }) => guard(context, request));
  let allowed: AllowedMethods | undefined;
  app.onError({ as: "global" }, ({ error, code, path, request }) =>
    problemResponse(
      code === "NOT_FOUND" ? routeProblem(request, allowed?.(path)) : problemOfError(context, error),
    ),
  );
  addTrigger(app, context);
  addCache(app, context);
  addStages(app, context);
  addLogs(app, context);
  addRuns(app, context);
  addArtifacts(app, context);
  addServices(app, context);
  addRunner(app, context);
  allowed = allowedMethods([...app.routes, { method: "GET", path: healthPath }]);
  return app;
}

/** An answer for a request that gets no further. */
function guard(context: ApiContext, request: Request): Response | undefined {
  const odd = hostProblem(request);
  if (odd !== undefined) return problemResponse(odd);
  const health = healthAnswer(request);
  if (health !== undefined) return health;
  const refusal = authProblem(request, context.config().registration?.token ?? null);
  return refusal === undefined ? undefined : problemResponse(refusal);
}

function problemOfError(context: ApiContext, error: unknown): Problem {
  if (error instanceof ValidationError) return validationProblem(error);
  return problemOf(error instanceof ParseError ? error.cause : error, context.log);
}

function routeProblem(request: Request, allow: string | undefined): Problem {
  if (isWebSocketUpgrade(request)) {
    return { status: 404, title: "Not found", detail: "there is no WebSocket at this path" };
  }
  if (allow === undefined) return { status: 404, title: "Not found", detail: "there is no such path" };
  return { status: 405, title: "Method not allowed", detail: `this path takes ${allow}`, headers: { allow } };
}
