import type { RunState } from "../events/run-state.ts";
import { expandVariables, type Lookup } from "../plan/expand.ts";
import { givenVariables, type RunnerIdentity } from "./given-variables.ts";

/** What a run's variables follow from. */
export type RunFacts = Pick<RunState, "runId" | "request" | "plan">;

/**
 * All variables of a stage: the manifest's, the trigger's over them, and over both those that are given to every stage. References
 * in the manifest's values are replaced; those of the trigger are data, in which nothing is. `secretOf` knows the secrets that the
 * manifest's values may refer to. Throws `invalid_request` when they become too long.
 */
export function environmentOf(
  run: RunFacts,
  identity: RunnerIdentity,
  secretOf: Lookup = () => undefined,
): Record<string, string> {
  const given = new Map(
    Object.entries({ ...run.request.variables, ...givenVariables(run, identity), ...gitTrustsWorkspace }),
  );
  const own = Object.entries(run.plan.variables).filter(([name]) => !given.has(name));
  const expanded = expandVariables(Object.fromEntries(own), (name) => given.get(name) ?? secretOf(name));
  return { ...expanded, ...Object.fromEntries(given) };
}

/** git refuses a folder of another owner; in the container the workspace often is one. */
const gitTrustsWorkspace = {
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "/workspace",
};
