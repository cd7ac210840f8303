import type { RunState } from "../../events/run-state.ts";
import type { CachePlan } from "../../plan/plan.ts";
import type { Source } from "../../source/source.ts";
import type { CacheIdentity } from "../../store/cache/entry.ts";

/** Whose entries a run may use. */
export interface CacheScopes {
  /** Undefined: it saves none. */
  readonly own: string | undefined;
  /** In the order in which they are tried. */
  readonly read: readonly string[];
}

/**
 * A branch reads its own entries, then those of the default branch, and saves its own: what a branch leaves is never met by the
 * default one. A tag, or a commit that no branch was named for, reads the default branch's and saves none.
 */
export function scopesOf({ commit }: Source): CacheScopes {
  if (commit === undefined) return { own: "", read: [""] };
  const { branch, defaultBranch } = commit;
  const read = [branch, defaultBranch].filter((name) => name !== undefined);
  return { own: branch, read: [...new Set(read)] };
}

/** Of the run's cache under a key, in a scope. */
export function identityOf(
  { request }: RunState,
  cache: { readonly plan: CachePlan; readonly key: string; readonly scope: string },
): CacheIdentity {
  const { orgId, repoId } = request;
  const paths = [...new Set(cache.plan.paths)].toSorted();
  return { orgId, repoId, scope: cache.scope, key: cache.key, paths };
}

/** What to look for, best first: each key in every scope before the next key. */
export function wantedIdentities(
  state: RunState,
  cache: { readonly plan: CachePlan; readonly key: string },
): readonly CacheIdentity[] {
  const { plan, key } = cache;
  const keys = [...new Set([key, ...plan.fallbackKeys])];
  const { read } = scopesOf(state.request.source);
  return keys.flatMap((one) => read.map((scope) => identityOf(state, { plan, key: one, scope })));
}
