import type { Elysia } from "elysia";
import type { RunState } from "../events/run-state.ts";
import { isFinal } from "../events/run-state.ts";
import { serviceAlias } from "../manifest/service-names.ts";
import { messageOf, RunnerError } from "../shared/errors.ts";
import type { ServiceRecord } from "../store/services.ts";
import { findRun } from "./find-run.ts";
import type { ApiContext } from "./options.ts";
import { noQuery, runParams, serviceParams } from "./schema.ts";
import { servicesView } from "./views.ts";

export function addServices(app: Elysia, context: ApiContext): void {
  const { store } = context;
  app.get(
    "/run/:runId/services",
    async ({ params }) => {
      const run = await findRun(store, params.runId);
      return servicesView(run, servicesOf(run, store.services(params.runId)));
    },
    { params: runParams, query: noQuery },
  );
  app.get(
    "/run/:runId/services/:alias/logs",
    async ({ params, request }) => {
      const run = await findRun(store, params.runId);
      return serviceLog(context, run, params.alias, request.signal);
    },
    { params: serviceParams, query: noQuery },
  );
}

type ServiceOfRun = Omit<ServiceRecord, "state"> & { readonly state: ServiceRecord["state"] | "waiting" };

/** In the manifest's order. One whose run hasn't begun waits. */
function servicesOf({ plan }: RunState, records: readonly ServiceRecord[]): readonly ServiceOfRun[] {
  return (plan.services ?? []).map(({ image, alias: given }) => {
    const alias = serviceAlias(image.name, given);
    const record = records.find((each) => each.alias === alias);
    return record ?? { alias, image: image.name, state: "waiting", exitCode: null };
  });
}

/** Of a run that isn't over, as far as it has come. A service wrote it, so a browser must take it for nothing but text. */
async function serviceLog(
  { store, freshenServiceLog, log }: ApiContext,
  run: RunState,
  alias: string,
  signal: AbortSignal,
): Promise<Response> {
  const { runId, plan, status } = run;
  const known = (plan.services ?? []).some(
    (service) => serviceAlias(service.image.name, service.alias) === alias,
  );
  if (!known) throw new RunnerError("not_found", "this run has no service with this alias");
  if (!isFinal(status)) {
    await freshenServiceLog(run, alias, signal).catch((error: unknown) => {
      log.warn("couldn't read on in the log of a service", { run: runId, error: messageOf(error) });
    });
  }
  const path = store.serviceLog(runId, alias);
  const headers = { "content-type": "text/plain; charset=utf-8", "content-security-policy": "sandbox" };
  return new Response(path === undefined ? "" : Bun.file(path), { headers });
}
