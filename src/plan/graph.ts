import type { StagePlan } from "./plan.ts";

/** Every stage after its needs, otherwise in the order given. There is no circle: the manifest was checked. */
export function inOrderOfNeeds(stages: readonly StagePlan[]): readonly StagePlan[] {
  const placed = new Set<string>();
  const ordered: StagePlan[] = [];
  let left = stages;
  while (left.length > 0) {
    const ready = left.filter(({ needs }) => needs.every(({ stage }) => placed.has(stage)));
    if (ready.length === 0) return [...ordered, ...left];
    const [next] = ready;
    if (next !== undefined) {
      ordered.push(next);
      placed.add(next.id);
    }
    left = left.filter((stage) => stage !== next);
  }
  return ordered;
}
