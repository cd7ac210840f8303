import type { Path, Source } from "./document.ts";
import { Hints } from "./hints.ts";
import type { Spot, Spots } from "./node-reader.ts";
import type { Problem } from "./problem.ts";
import { isRecord, type Fields } from "./record.ts";

/** Values that stages may take over in all: a short file must not become a long plan. */
const mostTakenOver = 200_000;

export interface Extended {
  /** Finds the places of what was taken over as well. */
  readonly source: Source;
  /** Every stage and template, with what it extends merged into it; in the file's order. */
  readonly stages: ReadonlyMap<string, unknown>;
  /** The stages of which something is missing, since what they extend isn't there. */
  readonly incomplete: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** A template never runs: it's there to be extended. */
export function isTemplate(id: string): boolean {
  return id.startsWith(".");
}

/** Whether keys that are missing within the stage may come from elsewhere, or go elsewhere. */
export function isPart(id: string, stage: unknown): boolean {
  return isTemplate(id) || namesIn(stage).length > 0;
}

/** Carries out `extends`, on values that haven't been checked. */
export function withExtends(source: Source, value: Fields): Extended {
  const listed = isRecord(value["stages"]) ? value["stages"] : {};
  const ids = source.keys(["stages"]);
  if (ids.every((id) => namesIn(listed[id]).length === 0)) {
    const stages = new Map(ids.map((id) => [id, listed[id]]));
    return { source, stages, incomplete: new Set(), problems: [] };
  }
  const merging = new Merging(source, listed, ids);
  const stages = new Map(ids.map((id) => [id, merging.resolved(id)]));
  const merged = Object.fromEntries(stages);
  const spots = new Map([...merging.spots, [merged, source.spots(listed)]]);
  const { incomplete, problems } = merging;
  return { source: source.with("stages", merged, spots), stages, incomplete, problems };
}

function namesIn(stage: unknown): readonly string[] {
  const names = isRecord(stage) ? stage["extends"] : undefined;
  if (typeof names === "string") return [names];
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}

class Merging {
  readonly problems: Problem[] = [];
  readonly incomplete = new Set<string>();
  /** Of the maps made here, where their entries were written. */
  readonly spots = new Map<object, Spots>();
  readonly #source: Source;
  readonly #listed: Fields;
  readonly #hints: Hints;
  readonly #done = new Map<string, unknown>();
  /** The stages that are being resolved, each extending the next. */
  readonly #way: string[] = [];
  readonly #sizes = new Map<object, number>();
  #takenOver = 0;
  #isRefused = false;

  constructor(source: Source, listed: Fields, ids: readonly string[]) {
    this.#source = source;
    this.#listed = listed;
    this.#hints = new Hints(ids);
  }

  resolved(id: string): unknown {
    if (this.#done.has(id)) return this.#done.get(id);
    this.#way.push(id);
    const stage = this.#merged(id);
    this.#way.pop();
    this.#done.set(id, stage);
    return stage;
  }

  #merged(id: string): unknown {
    const own = this.#listed[id];
    const names = namesIn(own);
    if (!isRecord(own) || names.length === 0) return own;
    const wanted = names.filter((name, index) => this.#isSound(id, name, index));
    const bases = wanted.map((name) => this.resolved(name)).filter(isRecord);
    if (wanted.length < names.length || wanted.some((name) => this.incomplete.has(name)))
      this.incomplete.add(id);
    for (const base of bases) this.#takenOver += this.#sizeOf(base);
    if (this.#takenOver > mostTakenOver) return this.#refused(id);
    const all = [...bases, own].map((stage) => this.#without(stage, "extends"));
    return all.reduce((under, over) => this.#merge(under, over));
  }

  /** What the stage says itself. Told once: whatever comes after it isn't merged either. */
  #refused(id: string): unknown {
    this.incomplete.add(id);
    if (!this.#isRefused)
      this.#problem(pathOf(id), `what stages extend comes to more than ${String(mostTakenOver)} values`);
    this.#isRefused = true;
    return this.#listed[id];
  }

  /** How many values are in it. */
  #sizeOf(value: unknown): number {
    if (typeof value !== "object" || value === null) return 1;
    const known = this.#sizes.get(value);
    if (known !== undefined) return known;
    let size = 1;
    for (const each of Object.values(value)) size += this.#sizeOf(each);
    this.#sizes.set(value, size);
    return size;
  }

  #isSound(id: string, name: string, index: number): boolean {
    const listed = this.#listed[id];
    const isList = isRecord(listed) && Array.isArray(listed["extends"]);
    const path = isList ? [...pathOf(id), index] : pathOf(id);
    if (name === id) this.#problem(path, `stage "${id}" extends itself`);
    else if (this.#way.includes(name)) {
      const circle = [...this.#way.slice(this.#way.indexOf(name)), name];
      this.#problem(path, `stages extend each other in a circle: ${circle.join(" → ")}`);
    } else if (Object.hasOwn(this.#listed, name)) return true;
    else {
      const what = `stage "${id}" extends "${name}", and there is no such stage or template`;
      this.#problem(path, `${what}${this.#hints.for(name)}`);
    }
    return false;
  }

  /** What both have: of two maps their merger, else what `over` says. */
  #merge(under: Fields, over: Fields): Fields {
    const merged: Record<string, unknown> = Object.create(null);
    const spots = new Map<string | number, Spot>();
    for (const from of [under, over]) {
      for (const [key, spot] of this.#spotsOf(from)) {
        const name = String(key);
        const before = merged[name];
        const after = from[name];
        merged[name] = isRecord(before) && isRecord(after) ? this.#merge(before, after) : after;
        spots.set(key, spot);
      }
    }
    return this.#made(merged, spots);
  }

  #without(map: Fields, left: string): Fields {
    const spots = new Map([...this.#spotsOf(map)].filter(([key]) => key !== left));
    if (spots.size === this.#spotsOf(map).size) return map;
    const kept: Record<string, unknown> = Object.create(null);
    for (const key of spots.keys()) kept[String(key)] = map[String(key)];
    return this.#made(kept, spots);
  }

  #made(map: Fields, spots: Spots): Fields {
    this.spots.set(map, spots);
    return map;
  }

  #spotsOf(map: Fields): Spots {
    return this.spots.get(map) ?? this.#source.spots(map);
  }

  #problem(path: Path, message: string): void {
    this.problems.push(this.#source.problemAtValue(path, message));
  }
}

function pathOf(id: string): Path {
  return ["stages", id, "extends"];
}
