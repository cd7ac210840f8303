import { messageOf, RunnerError } from "../../shared/errors.ts";
import type { ServiceName, ServiceSpec } from "../../engine/services.ts";
import type { RunState } from "../../events/run-state.ts";
import { serviceAlias, serviceNames } from "../../manifest/service-names.ts";
import { expandVariables } from "../../plan/expand.ts";
import type { ServicePlan } from "../../plan/plan.ts";

/** A service of a run, with what is needed to name it. */
export type RunService = ServiceName & Pick<ServiceSpec, "image">;

export function servicesOf({ runId, plan }: RunState): readonly RunService[] {
  return (plan.services ?? []).map(({ image, alias }) => ({
    runId,
    image,
    alias: serviceAlias(image.name, alias),
  }));
}

/**
 * As the engine must know them. `environment` is the stage's own: of it a service gets the variables of the manifest and of
 * the trigger, as GitLab has it, but neither CI_* nor secrets, unless variables refer to them: that is expanded here, in memory.
 */
export function serviceSpecs(
  state: RunState,
  environment: Readonly<Record<string, string>>,
): readonly ServiceSpec[] {
  const { runId, plan, request } = state;
  const { services = [], resources } = plan;
  const secrets = new Set(plan.secrets?.map(({ variable }) => variable));
  const given = Object.keys({ ...plan.variables, ...request.variables }).filter((name) => !secrets.has(name));
  const shared = Object.fromEntries(given.map((name) => [name, environment[name] ?? ""]));
  const nameOnce = namesTakenOnce(services);
  const specs = services.map((service) => ({
    runId,
    stageId: plan.id,
    alias: serviceAlias(service.image.name, service.alias),
    names: nameOnce(service),
    ...startOf(service),
    environment: { ...shared, ...ownVariables(service, environment) },
    ...(resources === undefined ? {} : { resources }),
  }));
  mustDiffer(specs);
  return specs;
}

function startOf({
  image,
  entrypoint,
  command,
  healthcheck,
}: ServicePlan): Pick<ServiceSpec, "image" | "entrypoint" | "command" | "healthcheck"> {
  return {
    image,
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(command === undefined ? {} : { command }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
  };
}

function ownVariables(
  { variables, image }: ServicePlan,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  try {
    return expandVariables(variables, (name) => environment[name]);
  } catch (error) {
    throw new RunnerError("service_failed", `the variables of service ${image.name}: ${messageOf(error)}`);
  }
}

/** A host name leads to one service: to the one that is called so, else to the first whose image has it. */
function namesTakenOnce(services: readonly ServicePlan[]): (service: ServicePlan) => readonly string[] {
  const taken = new Set(services.map(({ image, alias }) => serviceAlias(image.name, alias).toLowerCase()));
  return ({ image, alias }) => {
    const [called = "", ...others] = serviceNames(image.name, alias);
    const free = others.filter((name) => !taken.has(name));
    for (const name of free) taken.add(name);
    return [called, ...free];
  };
}

/** The manifest was checked, but for names that variables have a part in. */
function mustDiffer(specs: readonly ServiceSpec[]): void {
  const taken = new Set<string>();
  for (const { alias } of specs) {
    const name = alias.toLowerCase();
    if (taken.has(name)) {
      throw new RunnerError(
        "service_failed",
        `two services of the stage are called "${name}"; give one of them another alias`,
      );
    }
    taken.add(name);
  }
}
