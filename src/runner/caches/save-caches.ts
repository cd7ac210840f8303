import type { RunState } from "../../events/run-state.ts";
import type { CachePlan, OutcomeWhen } from "../../plan/plan.ts";
import { formatBytes } from "../../shared/bytes.ts";
import type { RunLog } from "../../store/run-log.ts";
import { identityOf, scopesOf } from "./cache-identities.ts";
import { notSavedLine, placeOf, savedLine, shownKey } from "./cache-words.ts";
import type { RunnerOptions } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { reasonOf } from "./restore-caches.ts";
import { workFolders } from "../workspace.ts";

const saveDeadlineMs = 30 * 60 * 1000;

interface Cache {
  readonly plan: CachePlan;
  readonly key: string;
}

export interface SavingOptions extends RunnerOptions {
  /** Aborted when nobody should wait for it any more: what isn't saved by then won't be. */
  readonly stopping: AbortSignal;
}

/**
 * Saves the run's caches once its script has ended, as each one's policy and when say. The container is removed first: nothing of the
 * stage may write while its files are read. A cache never fails a run: what goes wrong is a line of its log.
 */
export async function saveCaches(
  state: RunState,
  outcome: Outcome,
  log: RunLog,
  options: SavingOptions,
): Promise<void> {
  if (state.handle === null || outcome.status === "CANCELED") return;
  const wanted: Cache[] = [];
  for (const cache of cachesOf(state, options)) {
    const why = whyNot(cache.plan, outcome, state);
    if (why === undefined) wanted.push(cache);
    else log.say(notSavedLine(cache.key, why));
  }
  if (wanted.length === 0) return;
  try {
    await options.engine.remove(state.runId);
  } catch (error) {
    for (const { key } of wanted) log.say(notSavedLine(key, reasonOf(error)));
    return;
  }
  const { workspace } = await workFolders(state.runId, options.store);
  for (const cache of wanted) await saveCache(cache, { state, workspace, log }, options);
}

/** With the keys that they were restored by; none when the run never came as far as its gate. */
function cachesOf({ runId, plan }: RunState, { store }: RunnerOptions): readonly Cache[] {
  const { caches = [] } = plan;
  const keys = caches.length === 0 ? undefined : store.cache.keptKeys(runId);
  return (keys ?? []).flatMap((key, index) => {
    const cache = caches[index];
    return cache === undefined ? [] : [{ plan: cache, key }];
  });
}

async function saveCache(
  { plan, key }: Cache,
  { state, workspace, log }: { readonly state: RunState; readonly workspace: string; readonly log: RunLog },
  { store, clock, settings, stopping }: SavingOptions,
): Promise<void> {
  const { pipelineId, stageId, source } = state.request;
  const scope = scopesOf(source).own ?? "";
  const identity = identityOf(state, { plan, key, scope });
  const mostBytes = settings().cacheLimit;
  const began = clock.elapsed();
  try {
    const saver = { pipelineId, stageId, runId: state.runId };
    const signal = AbortSignal.any([AbortSignal.timeout(saveDeadlineMs), stopping]);
    signal.throwIfAborted();
    const saved = await store.cache.save({ identity, saver, workspace, mostBytes }, signal);
    if (saved.kind === "saved" || saved.kind === "nothing")
      for (const why of saved.refused) log.say(`cache: left out ${why}`);
    const tookSeconds = (clock.elapsed() - began) / 1000;
    if (saved.kind === "saved") log.say(savedLine(identity, saved.bytes, tookSeconds));
    else if (saved.kind === "unchanged") log.say(`cache: ${placeOf(identity)} is unchanged, not saved again`);
    else if (saved.kind === "nothing")
      log.say(notSavedLine(key, `none of its paths is there: ${plan.paths.map(shownKey).join(", ")}`));
    else log.say(notSavedLine(key, tooBig(mostBytes)));
  } catch (error) {
    log.say(notSavedLine(key, stopping.aborted ? "it was canceled, or the runner stopped" : reasonOf(error)));
  }
}

/** Undefined: it's to be saved. */
function whyNot(plan: CachePlan, outcome: Outcome, { request }: RunState): string | undefined {
  if (plan.policy === "pull") return "its policy is pull";
  if (!isWanted(plan.when, outcome))
    return `its when is ${plan.when}, and the script ${outcome.status === "SUCCESS" ? "succeeded" : "failed"}`;
  if (scopesOf(request.source).own === undefined) return "a tag or a commit without a branch saves none";
  return undefined;
}

function isWanted(when: OutcomeWhen, outcome: Outcome): boolean {
  if (when === "always") return true;
  return (when === "on_success") === (outcome.status === "SUCCESS");
}

function tooBig(mostBytes: number): string {
  return `it's more than the whole cache may have, ${formatBytes(mostBytes)} (cacheLimit in config.json), or a million files`;
}
