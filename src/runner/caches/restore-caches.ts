import type { Image } from "../../engine/engine.ts";
import type { RunState } from "../../events/run-state.ts";
import type { CachePlan } from "../../plan/plan.ts";
import { messageOf, RunnerError, systemCodeOf } from "../../shared/errors.ts";
import type { StageUser } from "../../store/cache/attributes.ts";
import { keyOfFiles } from "../../store/cache/key-files.ts";
import { InTheWay } from "../../store/cache/place.ts";
import type { RunLog } from "../../store/run-log.ts";
import { wantedIdentities } from "./cache-identities.ts";
import { hitLine, missLine, placeOf, shownKey } from "./cache-words.ts";
import type { RunnerOptions } from "../context.ts";
import type { WorkFolders } from "../workspace.ts";

interface Restoring {
  readonly state: RunState;
  readonly folders: WorkFolders;
  readonly user: StageUser;
  readonly log: RunLog;
}

/**
 * Brings the run's caches into its filled workspace, before its commands begin. A cache never fails a run: what goes wrong is a line
 * of its log. The keys are kept, for a script may change the files that they are made of.
 */
export async function restoreCaches(
  restoring: Restoring,
  options: RunnerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { state, folders, log } = restoring;
  const caches = state.plan.caches ?? [];
  if (caches.length === 0) return;
  const keys: string[] = [];
  for (const plan of caches) {
    const key = await keyOf(plan, folders.workspace, log, signal);
    keys.push(key);
    await restoreCache({ plan, key }, restoring, options, signal);
  }
  try {
    await options.store.cache.keepKeys(state.runId, keys);
  } catch (error) {
    log.say(`cache: nothing will be saved: ${reasonOf(error)}`);
  }
}

async function keyOf(
  { key }: CachePlan,
  workspace: string,
  log: RunLog,
  signal: AbortSignal,
): Promise<string> {
  if (typeof key === "string") return key;
  try {
    const made = await keyOfFiles(workspace, key, signal);
    if (made.missing.length > 0)
      log.say(
        `cache: no file for ${made.missing.map(shownKey).join(", ")}; the key is ${shownKey(made.key)}`,
      );
    return made.key;
  } catch (error) {
    signal.throwIfAborted();
    const instead = key.prefix === "" ? "default" : `${key.prefix}-default`;
    log.say(`cache: the files of a key can't be read (${reasonOf(error)}); the key is ${shownKey(instead)}`);
    return instead;
  }
}

async function restoreCache(
  cache: { readonly plan: CachePlan; readonly key: string },
  { state, folders, user, log }: Restoring,
  { store, clock }: RunnerOptions,
  signal: AbortSignal,
): Promise<void> {
  if (cache.plan.policy === "push") {
    log.say(`cache: ${shownKey(cache.key)} isn't restored: its policy is push`);
    return;
  }
  const wanted = wantedIdentities(state, cache);
  const began = clock.elapsed();
  try {
    const destination = { workspace: folders.workspace, scratch: folders.scratch, user };
    const { restored, damaged } = await store.cache.restore(wanted, destination, signal);
    for (const one of damaged) log.say(`cache: ${placeOf(one)} was damaged, and is removed`);
    const tookSeconds = (clock.elapsed() - began) / 1000;
    log.say(
      restored === undefined ? missLine(cache.key, wanted) : hitLine(restored, clock.now(), tookSeconds),
    );
  } catch (error) {
    signal.throwIfAborted();
    log.say(`cache: ${shownKey(cache.key)} isn't restored: ${reasonOf(error)}`);
  }
}

/** For the log: no path of this machine. */
export function reasonOf(error: unknown): string {
  if (error instanceof RunnerError || error instanceof InTheWay) return messageOf(error);
  return systemCodeOf(error) ?? "an internal error of the runner";
}

/** For whom what is restored must be readable and writable. */
export function stageUserOf(image: Image, user: string | undefined): StageUser {
  const [name = ""] = (user ?? image.user).split(":");
  const isRoot = !image.shiftsOwners && (name === "" || name === "0" || name === "root");
  const uid = !image.shiftsOwners && /^\d{1,10}$/.test(name) ? Number(name) : undefined;
  return { isRoot, uid };
}
