import type { SealedArtifact } from "../store/artifact.ts";
import type { Store } from "../store/store.ts";
import type { NeededRun } from "./needs.ts";

const mostTold = 20;

/** A line for each path that two needs bring, and differently: the later need's is the one that's there. */
export function overlapsOf(needed: readonly NeededRun[], store: Store): readonly string[] {
  const brought = new Map<string, { readonly stage: string; readonly artifact: SealedArtifact }>();
  const lines: string[] = [];
  for (const { state, artifacts } of needed) {
    const stage = state.plan.id;
    for (const artifact of artifacts ? store.runArtifacts.sealed(state.runId) : []) {
      const before = brought.get(artifact.path);
      if (before !== undefined && !isSame(before.artifact, artifact))
        lines.push(
          `artifacts: ${artifact.path} of stage ${stage} takes the place of that of stage ${before.stage}`,
        );
      brought.set(artifact.path, { stage, artifact });
    }
  }
  const more = lines.length - mostTold;
  return more <= 0 ? lines : [...lines.slice(0, mostTold), `artifacts: and ${String(more)} more that way`];
}

function isSame(one: SealedArtifact, other: SealedArtifact): boolean {
  return one.sha256 === other.sha256 && one.executable === other.executable && one.link === other.link;
}
