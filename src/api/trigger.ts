import type { Elysia } from "elysia";
import type { RunState } from "../events/run-state.ts";
import { fingerprintOf, type Trigger } from "../runner/intake.ts";
import { RunnerError } from "../shared/errors.ts";
import { readJson } from "./body.ts";
import type { ApiContext } from "./options.ts";
import { noQuery, triggerBody } from "./schema.ts";
import { triggersView } from "./views.ts";

export function addTrigger(app: Elysia, context: ApiContext): void {
  app.post("/trigger", ({ body, request }) => trigger(context, body, request), {
    body: triggerBody,
    query: noQuery,
    parse: ({ request }) => readJson(request),
  });
}

async function trigger(context: ApiContext, body: Trigger, request: Request): Promise<object> {
  const idempotencyKey = idempotencyKeyOf(request);
  const wanted = {
    ...body,
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(await digestOf(context, body)),
  };
  // Before anything else is looked at: the answer is the same although the ref may be gone by now.
  const repeated = await repeatedRuns(context, wanted);
  if (repeated !== undefined) return triggersView(repeated);
  const admitted = await context.admit(wanted, context.config(), request.signal);
  return triggersView(await context.runner.submitAll(admitted));
}

/** What is on record of secrets: enough to tell the same trigger from another, and no more. */
async function digestOf({ store }: ApiContext, { secrets = {} }: Trigger): Promise<Partial<Trigger>> {
  if (Object.keys(secrets).length === 0) return {};
  return { secretsDigest: await store.secrets.digest(secrets) };
}

async function repeatedRuns(
  { runner }: ApiContext,
  wanted: Trigger,
): Promise<readonly RunState[] | undefined> {
  const { idempotencyKey: key } = wanted;
  return key === undefined ? undefined : runner.repeated(key, fingerprintOf(wanted));
}

function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.headers.get("idempotency-key");
  if (key === null) return undefined;
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return key;
  const message = "must be 1 to 255 printable ASCII characters";
  throw new RunnerError("invalid_request", `header.Idempotency-Key: ${message}`, {
    errors: [{ path: "header.Idempotency-Key", message }],
  });
}
