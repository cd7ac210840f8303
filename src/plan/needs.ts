import type { Manifest } from "../manifest/manifest.ts";
import type { ManifestStage } from "../manifest/schema.ts";
import type { Need } from "./plan.ts";

/** Of every id that a need may name, the stages it stands for: a matrix stands for all its combinations. */
export type Needable = ReadonlyMap<string, readonly string[]>;

export function needableIn({ stages, combinations }: Manifest): Needable {
  const ids = new Map<string, readonly string[]>([...stages.keys()].map((id) => [id, [id]]));
  for (const [owner, unfolded] of combinations) {
    ids.set(
      owner,
      unfolded.map(({ id }) => id),
    );
    for (const { id } of unfolded) ids.set(id, [id]);
  }
  return ids;
}

/** Each stage once. An optional need to a stage that isn't there is none. */
export function needsOf(
  needs: NonNullable<ManifestStage["needs"]> = [],
  needable: Needable,
): readonly Need[] {
  const found = new Map<string, Need>();
  for (const one of needs) {
    const need = typeof one === "string" ? { stage: one } : one;
    const { artifacts = true, optional = false } = need;
    for (const stage of needable.get(need.stage) ?? []) {
      found.set(stage, both(found.get(stage), { stage, artifacts, optional }));
    }
  }
  return [...found.values()];
}

/** Of a stage that is named twice, alone and as part of its matrix, the stronger need. */
function both(before: Need | undefined, { stage, artifacts, optional }: Need): Need {
  if (before === undefined) return { stage, artifacts, optional };
  return { stage, artifacts: artifacts || before.artifacts, optional: optional && before.optional };
}
