import type { StagePlan } from "./plan.ts";

/**
 * Every stage after its needs, otherwise in the order given: of the stages whose needs are all placed, the first comes
 * next. There is no circle: the manifest was checked.
 */
export function inOrderOfNeeds(stages: readonly StagePlan[]): readonly StagePlan[] {
  const places = new Map(stages.map(({ id }, place) => [id, place]));
  const missing = stages.map(({ needs }) => needs.filter(({ stage }) => places.has(stage)).length);
  const dependants = dependantsOf(stages, places);
  const ready = new Queue();
  for (const [place, count] of missing.entries()) if (count === 0) ready.put(place);
  const ordered: StagePlan[] = [];
  for (let place = ready.take(); place !== undefined; place = ready.take()) {
    const stage = stages[place];
    if (stage !== undefined) ordered.push(stage);
    for (const dependant of dependants[place] ?? []) {
      const left = (missing[dependant] ?? 0) - 1;
      missing[dependant] = left;
      if (left === 0) ready.put(dependant);
    }
  }
  return ordered;
}

/** Of each stage, the places of those that need it. */
function dependantsOf(stages: readonly StagePlan[], places: ReadonlyMap<string, number>): number[][] {
  const dependants: number[][] = stages.map(() => []);
  for (const [place, { needs }] of stages.entries()) {
    for (const { stage } of needs) dependants[places.get(stage) ?? -1]?.push(place);
  }
  return dependants;
}

/** Numbers, the smallest first: kept in descending order, since almost all that come in are larger than what is there. */
class Queue {
  readonly #descending: number[] = [];

  put(place: number): void {
    let low = 0;
    let high = this.#descending.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#descending[middle] ?? 0) > place) low = middle + 1;
      else high = middle;
    }
    this.#descending.splice(low, 0, place);
  }

  take(): number | undefined {
    return this.#descending.pop();
  }
}
