import type { RunState } from "../../events/run-state.ts";
import type { ImagePlan, StagePlan } from "../../plan/plan.ts";
import type { Inputs } from "../../source/inputs.ts";
import type { Store } from "../../store/store.ts";
import type { RunnerOptions } from "../context.ts";
import { environmentOf } from "../environment.ts";
import type { NeededRun } from "../needs.ts";

/** All that the result of a stage depends on, as text, by kind. Not to be stored: variables may hold secrets. */
export type ReuseParts = Readonly<Record<ReusePart, string>>;
export type ReusePart = "files" | "definition" | "images" | "variables" | "artifacts";

/** What each part is called to people. */
export const partNames: Readonly<Record<ReusePart, string>> = {
  files: "its input files",
  definition: "its definition",
  images: "its image",
  variables: "its variables",
  artifacts: "the artifacts that it gets",
};

/** The rest of what a run depends on, looked up by its caller. */
export interface Surroundings {
  readonly inputs: Inputs;
  /** Ids, of the stage's own first. */
  readonly images: readonly string[];
  readonly needed: readonly NeededRun[];
}

export function reuseParts(
  state: RunState,
  { inputs, images, needed }: Surroundings,
  { store, settings }: Pick<RunnerOptions, "store" | "settings">,
): ReuseParts {
  const { plan, request } = state;
  const definition = definitionOf(plan);
  const environment = environmentOf(state, settings());
  // A commit or run that the definition names by itself counts; what scripts make of their environment is their risk.
  const named = namesIn({ ...definition, ...withoutScripts, variables: plan.variables });
  return {
    files: inputs.digest,
    definition: canonical(definition),
    images: canonical(images),
    variables: canonical({
      ...plan.variables,
      ...request.variables,
      named: named.map((name) => [name, environment[name] ?? null]),
    }),
    artifacts: canonical(needed.map((need) => sealedOf(need, store))),
  };
}

const withoutScripts = { beforeScript: [], script: [], afterScript: [] };

/** The images that a stage runs on. */
export function imagesOf({ image, services = [] }: StagePlan): readonly ImagePlan[] {
  return [image, ...services.map((service) => service.image)];
}

/**
 * What can be seen from inside the container counts, and what tells a success from a failure. What only decides whether, when,
 * how often or how long the stage runs, or how long its artifacts are kept, doesn't. A key that isn't named here counts.
 */
function definitionOf(plan: StagePlan): object {
  const {
    id: _id,
    matrixOf: _matrix,
    variables: _variables,
    needs,
    when: _when,
    rules: _rules,
    leftOut: _leftOut,
    decided: _decided,
    notes: _notes,
    timeoutSeconds: _timeout,
    retry: _retry,
    concurrency: _concurrency,
    allowFailure: _allowFailure,
    artifacts,
    image,
    services = [],
    ...seen
  } = plan;
  const { expireSeconds: _expire, ...kept } = artifacts ?? {};
  return {
    ...seen,
    image: withoutName(image),
    services: services.map((service) => ({ ...service, image: withoutName(service.image) })),
    // Whose artifacts come in which order, not what the stages are called.
    needs: needs.filter((need) => need.artifacts).length,
    ...(artifacts === undefined ? {} : { artifacts: kept }),
  };
}

/** By its id it's counted elsewhere. */
function withoutName({ name: _name, pullPolicy: _policy, ...rest }: ImagePlan): object {
  return rest;
}

function sealedOf({ state, artifacts }: NeededRun, store: Store): readonly unknown[] {
  return artifacts
    ? store.runArtifacts
        .sealed(state.runId)
        .map(({ path, sha256, executable, link }) => [path, sha256, executable, link])
    : [];
}

/** Names of variables that a text of the definition refers to. */
function namesIn(definition: object): readonly string[] {
  const found = JSON.stringify(definition).matchAll(/\$(?:\{([A-Za-z_]\w*)|([A-Za-z_]\w*))/g);
  return [...new Set([...found].map(([, braced, plain]) => braced ?? plain ?? ""))].toSorted();
}

/** The same text for the same value, in whatever order its keys were put. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  });
}
