import { together, unlessAborted } from "../shared/abort.ts";
import type { Image, StageHandle } from "../engine/engine.ts";
import type { ServiceSpec } from "../engine/services.ts";
import type { RunState } from "../events/run-state.ts";
import { openToAll } from "../source/checkout.ts";
import type { RunLog } from "../store/run-log.ts";
import type { RunnerOptions } from "./context.ts";
import { deliveryOf } from "./delivery.ts";
import { restoreCaches, stageUserOf } from "./caches/restore-caches.ts";
import { serve } from "./services/serve.ts";
import { serviceSpecs } from "./services/service-specs.ts";
import { fillWorkspace, workFolders, type WorkFolders } from "./workspace.ts";

/**
 * From nothing to a stage whose commands run. The workspace is filled while the engine starts the container, and both while its services
 * become ready. The handle is on disk (and in the state returned) before the gate opens: a run without one, or whose gate is shut, has
 * run nothing of its script.
 */
export async function launch(
  state: RunState,
  log: RunLog,
  options: RunnerOptions,
  signal: AbortSignal,
): Promise<RunState> {
  const { engine, store, settings } = options;
  const { runId } = state;
  const { values } = await store.secrets.held.read(runId);
  const delivery = deliveryOf(state, settings(), values);
  const services = serviceSpecs(state, delivery.environment);
  const network = connect(state, options, signal);
  const { handle, image, pullSeconds } = await begin(state, services, { log, options, network }, signal);
  const launched = await store.record(runId, {
    type: "container",
    attempt: state.attempts,
    handle,
    image: image.id,
    pullSeconds,
  });
  signal.throwIfAborted();
  await engine.open(handle, delivery, signal);
  return launched;
}

/** Made while images are pulled. */
function connect({ runId, plan }: RunState, { engine }: RunnerOptions, signal: AbortSignal): Promise<void> {
  if (plan.services === undefined || plan.services.length === 0) return Promise.resolve();
  const network = engine.services.connect({ runId, stageId: plan.id }, signal);
  network.catch(() => {}); // seen by whoever waits for it
  return network;
}

interface Launching {
  readonly log: RunLog;
  readonly options: RunnerOptions;
  readonly network: Promise<void>;
}

async function begin(
  state: RunState,
  services: readonly ServiceSpec[],
  launching: Launching,
  signal: AbortSignal,
): Promise<Held> {
  try {
    const [held] = await together(
      (both) => holdAtGate(state, launching, both),
      (both) => serve(services, launching, both),
      signal,
    );
    return held;
  } finally {
    await launching.network.catch(() => {}); // or it could be made after all has been removed
  }
}

interface Held {
  readonly handle: StageHandle;
  readonly image: Image;
  readonly pullSeconds: number;
}

/** The image present, the container waiting at its gate, the workspace filled. */
async function holdAtGate(
  state: RunState,
  { log, options, network }: Launching,
  signal: AbortSignal,
): Promise<Held> {
  const { engine, store, clock } = options;
  const { runId, plan } = state;
  const folders = await workFolders(runId, store);
  const began = clock.elapsed();
  const image = await engine.pull(plan.image, (line) => log.say(line), signal);
  const pullSeconds = Math.round(clock.elapsed() - began) / 1000;
  const [handle, notes] = await together(
    (both) => unlessAborted(network, both).then(() => hold(state, folders, options, both)),
    (both) => fillWorkspace(state, folders, options, both),
    signal,
  );
  for (const note of notes) log.say(note);
  if (!ownsWorkspace(image, plan.user)) await openToAll(folders.workspace);
  // Last, for what they hold keeps its owners and modes.
  await restoreCaches({ state, folders, user: stageUserOf(image, plan.user), log }, options, signal);
  return { handle, image, pullSeconds };
}

/** Created, started, and waiting at its gate. */
async function hold(
  { runId, plan }: RunState,
  folders: WorkFolders,
  { engine, settings }: RunnerOptions,
  signal: AbortSignal,
): Promise<StageHandle> {
  const { workspace, room } = folders;
  const { ephemeral } = settings();
  const { id: stageId, needs: _needs, ...commands } = plan;
  const handle = await engine.create({ ...commands, runId, stageId, workspace, room, ephemeral }, signal);
  await engine.start(handle, signal);
  return handle;
}

function ownsWorkspace(image: Image, user: string | undefined): boolean {
  const [name] = (user ?? image.user).split(":");
  return !image.shiftsOwners && (name === "" || name === "0" || name === "root");
}
