import type { Delivery } from "../engine/engine.ts";
import type { RunState } from "../events/run-state.ts";
import { environmentOf } from "./environment.ts";
import type { RunnerIdentity } from "./given-variables.ts";
import type { SecretValues } from "../store/secrets.ts";

/** What a stage is given at its gate: its variables, over them its secrets. Only here do the two meet, in memory. */
export function deliveryOf(state: RunState, identity: RunnerIdentity, secrets: SecretValues): Delivery {
  const variables: Record<string, string> = {};
  const files: Record<string, string> = {};
  for (const { variable, name, file } of state.plan.secrets ?? []) {
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    if (value !== undefined) (file ? files : variables)[variable] = value;
  }
  const secretOf = (name: string): string | undefined =>
    Object.hasOwn(variables, name) ? variables[name] : undefined;
  return { environment: { ...environmentOf(state, identity, secretOf), ...variables }, files };
}
