import type { InputError } from "../shared/errors.ts";
import { sizeText } from "../shared/bytes.ts";
import type { ResourcesPlan, StagePlan } from "./plan.ts";

/** What an operator allows one stage at most; what is absent has no limit. */
export interface Ceiling {
  readonly cpus?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly pids?: number;
}

const keys = [
  { key: "cpus", of: "cpus", text: String },
  { key: "memory", of: "memoryBytes", text: sizeText },
  { key: "pids", of: "pids", text: String },
] as const;

/** A stage that asks for nothing gets what is allowed. One that asks for more is told of each key, and what it may have. */
export function underCeiling(
  stage: StagePlan,
  ceiling: Ceiling | null,
): { readonly plan: StagePlan } | { readonly excess: readonly InputError[] } {
  if (ceiling === null) return { plan: stage };
  const { resources = {} } = stage;
  const excess: InputError[] = [];
  let given: ResourcesPlan = resources;
  for (const { key, of, text } of keys) {
    const [asked, allowed] = [resources[of], ceiling[key]];
    if (allowed === undefined) continue;
    if (asked === undefined) given = { ...given, [of]: allowed };
    else if (asked > allowed) excess.push(excessOf(stage.id, key, text(asked), text(allowed)));
  }
  if (excess.length > 0) return { excess };
  return { plan: Object.keys(given).length === 0 ? stage : { ...stage, resources: given } };
}

function excessOf(stageId: string, key: string, asked: string, allowed: string): InputError {
  return {
    path: `stages.${stageId}.resources.${key}`,
    message: `stage "${stageId}" asks for resources.${key} ${asked}, and this runner allows ${allowed} at most; ask for less, or let the operator raise its ceiling`,
  };
}
