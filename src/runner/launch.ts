import { together } from "../shared/abort.ts";
import type { Image, StageHandle } from "../engine/engine.ts";
import type { RunState } from "../events/run-state.ts";
import { openToAll } from "../source/checkout.ts";
import type { RunLog } from "../store/run-log.ts";
import type { RunnerOptions } from "./context.ts";
import { environmentOf } from "./environment.ts";
import { fillWorkspace, workFolders, type WorkFolders } from "./workspace.ts";

/**
 * From nothing to a stage whose commands run. The workspace is filled while the engine starts the container. The handle
 * is on disk (and in the state returned) before the gate opens: a run without one, or whose gate is shut, has run nothing of its script.
 */
export async function launch(
  state: RunState,
  log: RunLog,
  options: RunnerOptions,
  signal: AbortSignal,
): Promise<RunState> {
  const { engine, store, clock } = options;
  const { runId, plan } = state;
  const folders = await workFolders(runId, store);
  const began = clock.elapsed();
  const image = await engine.pull(plan.image, (line) => log.say(line), signal);
  const pullSeconds = Math.round(clock.elapsed() - began) / 1000;
  const [handle] = await together(
    (both) => hold(state, folders, options, both),
    (both) => fillWorkspace(state, folders, store, both),
    signal,
  );
  if (!ownsWorkspace(image, plan.user)) await openToAll(folders.workspace);
  const launched = await store.record(runId, {
    type: "container",
    attempt: state.attempts,
    handle,
    image: image.id,
    pullSeconds,
  });
  signal.throwIfAborted();
  await engine.open(handle, { environment: environmentOf(state, options.settings()) }, signal);
  return launched;
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
