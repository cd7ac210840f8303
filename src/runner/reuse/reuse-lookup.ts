import { RunnerError } from "../../shared/errors.ts";
import type { RunState } from "../../events/run-state.ts";
import type { ImagePlan } from "../../plan/plan.ts";
import { readInputs, type Inputs } from "../../source/inputs.ts";
import type { StandIn } from "../../store/stand-in.ts";
import type { RunnerOptions } from "../context.ts";
import { neededRuns } from "../needs.ts";
import { imagesOf, partNames, reuseParts, type ReuseParts, type Surroundings } from "./reuse-parts.ts";

/** What stands for a run, and where it's kept. */
export interface Found {
  readonly digest: string;
  readonly standIn: StandIn;
}

const lookMs = 60_000;

/**
 * The earlier success that stands for a run that waits. Says in the run's log what is odd about its inputs, and, where there was
 * a success before, why it runs all the same.
 */
export async function lookUp(
  state: RunState,
  options: RunnerOptions,
  { tells }: { readonly tells: boolean },
): Promise<Found | undefined> {
  const { store } = options;
  const say = async (line: string): Promise<void> => {
    if (tells) (await store.openLog(state.runId)).say(`inputs: ${line}`);
  };
  await store.runArtifacts.takeBack(state.runId);
  const signal = AbortSignal.timeout(lookMs);
  const inputs = await inputsOf(state, signal);
  for (const glob of inputs?.unmatched ?? []) await say(`no tracked file matches ${glob}`);
  const images = await imageIds(imagesOf(state.plan), options, signal);
  const around = await surroundingsOf(state, { inputs, images }, options);
  if (around === undefined) return undefined;
  const { digest, parts } = await keyed(reuseParts(state, around, options), options);
  const standIn = store.standIns.find(state.request, digest);
  if (standIn !== undefined) return { digest, standIn };
  const changed = changesSince(store.standIns.newest(state.request), parts);
  if (changed !== "") await say(`it runs, since ${changed}`);
  return undefined;
}

/** Makes a success one that later runs may stand on, if it's sure on what it depended while it ran. */
export async function publish(state: RunState, options: RunnerOptions): Promise<void> {
  const { store } = options;
  const { request, runId, verdict, finishedAt } = state;
  const signal = AbortSignal.timeout(lookMs);
  const inputs = await inputsOf(state, signal);
  const around = await surroundingsOf(
    state,
    { inputs, images: await usedImages(state, options, signal) },
    options,
  );
  if (verdict === null || around === undefined || !(await isSure(state, around, signal))) return;
  const { digest, parts } = await keyed(reuseParts(state, around, options), options);
  const { artifacts, tests } = verdict;
  const standIn = { runId, pipelineId: request.pipelineId, finishedAt: finishedAt ?? "", artifacts, parts };
  await store.standIns.publish(request, digest, tests === undefined ? standIn : { ...standIn, tests });
}

export function engineAway(error: unknown): boolean {
  return error instanceof RunnerError && error.code === "engine_unreachable";
}

/** Nothing that it got has been replaced since it began: neither a run that it needs nor files of a working tree. */
async function isSure(state: RunState, around: Surroundings, signal: AbortSignal): Promise<boolean> {
  const { startedAt, request } = state;
  if (around.needed.some((need) => (need.state.finishedAt ?? "~") > (startedAt ?? ""))) return false;
  if (request.source.kind === "repository") return true;
  return (await takenNow(state, signal))?.digest === around.inputs.digest;
}

/** undefined: nobody can tell whether it would go as before, and so it runs. */
async function surroundingsOf(
  state: RunState,
  { inputs, images }: { readonly inputs: Inputs | undefined; readonly images: readonly string[] | undefined },
  { store }: RunnerOptions,
): Promise<Surroundings | undefined> {
  if (inputs === undefined || inputs.isEmpty || images === undefined) return undefined;
  return { inputs, images, needed: await neededRuns(state, store) };
}

/** Its own is on record, whatever has become of the name. */
async function usedImages(
  { plan, image }: RunState,
  options: RunnerOptions,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  if (image === null || plan.image.pullPolicy === "always") return undefined;
  const services = await imageIds(imagesOf(plan).slice(1), options, signal);
  return services && [image, ...services];
}

/** undefined: one of them isn't present, or a registry has to be asked for it. */
async function imageIds(
  images: readonly ImagePlan[],
  { engine }: RunnerOptions,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const ids = await Promise.all(images.map((image) => engine.imageId(image, signal)));
  const present = ids.filter((id) => id !== undefined);
  return present.length === ids.length ? present : undefined;
}

/** Those of a working tree were taken before it was copied. */
async function inputsOf(state: RunState, signal: AbortSignal): Promise<Inputs | undefined> {
  const { source, inputs } = state.request;
  return source.kind === "tree" ? inputs : takenNow(state, signal);
}

async function takenNow({ request, plan }: RunState, signal: AbortSignal): Promise<Inputs | undefined> {
  if (plan.inputs === undefined) return undefined;
  return (await readInputs(request.source, signal)).of(plan.inputs, signal);
}

interface Keyed {
  readonly digest: string;
  readonly parts: Readonly<Record<string, string>>;
}

async function keyed(parts: ReuseParts, { store }: RunnerOptions): Promise<Keyed> {
  const digests = Object.entries(parts).map(async ([name, text]) => [
    name,
    await store.standIns.digestOf(text),
  ]);
  const each = await Promise.all(digests);
  return { digest: await store.standIns.digestOf(JSON.stringify(each)), parts: Object.fromEntries(each) };
}

/** "its image and its variables changed"; "" when there was nothing before, or what was can't be used any more. */
function changesSince(before: StandIn | undefined, parts: Keyed["parts"]): string {
  if (before === undefined) return "";
  const changed = Object.entries(partNames).filter(([part]) => before.parts[part] !== parts[part]);
  const names = changed.map(([, name]) => name);
  if (names.length < 2) return names.map((name) => `${name} changed`).join("");
  return `${names.slice(0, -1).join(", ")} and ${String(names.at(-1))} changed`;
}
