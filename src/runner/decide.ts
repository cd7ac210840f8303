import { secretMark, expandPlan } from "../plan/expand-plan.ts";
import type { Lookup } from "../plan/expand.ts";
import type { StagePlan } from "../plan/plan.ts";
import { changesOf } from "../source/changes.ts";
import { presentFiles } from "../source/present-files.ts";
import type { Source } from "../source/source.ts";
import { environmentOf, type RunFacts } from "./environment.ts";
import type { RunnerIdentity } from "./given-variables.ts";
import { applyRules } from "./rules.ts";

/**
 * What the manifest leaves open until a run is there: its rules, and the variables in its keys. Decided once, before the run is
 * accepted, in one place for `exec` and for a trigger; what is stored is what was decided. Throws `invalid_request` that names the key.
 */
export async function decide(
  run: RunFacts,
  identity: RunnerIdentity,
  signal: AbortSignal,
): Promise<StagePlan> {
  if (run.plan.decided === true) return run.plan;
  const { source } = run.request;
  const plan = await applyRules(run.plan, {
    lookup: withoutSecrets(variablesOf(run, identity)),
    changes: () => oncePerSource(changes, source, () => changesOf(source, signal)),
    files: () => oncePerSource(files, source, () => presentFiles(source, signal)),
  });
  if (plan.leftOut !== undefined) return leftOut(plan);
  return { ...expandPlan(plan, variablesOf({ ...run, plan }, identity)), decided: true };
}

/** It takes no turn in its group, and ends nobody's. */
function leftOut({ concurrency: _concurrency, ...plan }: StagePlan): StagePlan {
  return { ...plan, decided: true };
}

/** A secret's value isn't known here, and must not be: a mark stands for it, which nothing lets through. */
function variablesOf(run: RunFacts, identity: RunnerIdentity): Lookup {
  const secrets = new Set(run.plan.secrets?.map(({ variable }) => variable));
  const secretOf: Lookup = (name) => (secrets.has(name) ? secretMark : undefined);
  const environment = new Map(Object.entries(environmentOf(run, identity, secretOf)));
  return (name) => environment.get(name) ?? secretOf(name);
}

/** For conditions: a secret isn't set, and isn't a part of anything. */
function withoutSecrets(lookup: Lookup): Lookup {
  return (name) => {
    const value = lookup(name);
    return value === secretMark ? undefined : value?.replaceAll(secretMark, "");
  };
}

/** The stages of one `exec`, and the combinations of a matrix, have their source in common, and it's looked at once. */
const changes = new WeakMap<Source, ReturnType<typeof changesOf>>();
const files = new WeakMap<Source, ReturnType<typeof presentFiles>>();

function oncePerSource<T>(
  known: WeakMap<Source, Promise<T>>,
  source: Source,
  look: () => Promise<T>,
): Promise<T> {
  const before = known.get(source);
  if (before !== undefined) return before;
  const looked = look();
  known.set(source, looked);
  looked.catch(() => known.delete(source));
  return looked;
}
