import { Hints } from "../hints.ts";
import type { Problem } from "../problem.ts";
import type { Checked } from "../rules.ts";
import type { ManifestStage } from "../schema.ts";

const mostCycles = 20;

type Need = NonNullable<ManifestStage["needs"]>[number];

/** Of every id that a need may name, the stage that it's an id of: a matrix goes by its own and its combinations'. */
type Owners = ReadonlyMap<string, string>;

export function needProblems(checked: Checked): Problem[] {
  const owners = ownersIn(checked);
  return [...badNeeds(checked, owners), ...cycles(checked, owners)];
}

function ownersIn({ stages, combinations }: Checked): Owners {
  const owners = new Map([...stages.keys()].map((id) => [id, id]));
  for (const [owner, unfolded] of combinations) for (const { id } of unfolded) owners.set(id, owner);
  return owners;
}

function badNeeds({ source, stages, templates }: Checked, owners: Owners): Problem[] {
  const hints = new Hints([...owners.keys()]);
  return [...stages].flatMap(([id, { needs = [] }]) =>
    needs.flatMap((need, index) => {
      const wanted = idOf(need);
      const path = ["stages", id, "needs", index];
      if (owners.get(wanted) === id) return [source.problemAtValue(path, `stage "${id}" needs itself`)];
      if (templates.has(wanted)) {
        const message = `stage "${id}" needs "${wanted}", which is a template: it never runs`;
        return [source.problemAtValue(path, message)];
      }
      if (owners.has(wanted) || (typeof need === "object" && need.optional === true)) return [];
      const message = `stage "${id}" needs "${wanted}", and there is no such stage${hints.for(wanted)}`;
      return [source.problemAtValue(path, message)];
    }),
  );
}

/** The cycles, each named from the stage that comes first; a stage that needs itself has its problem already. */
function cycles({ source, stages }: Checked, owners: Owners): Problem[] {
  const problems: Problem[] = [];
  const neededBy = (id: string): string[] =>
    (stages.get(id)?.needs ?? [])
      .map((need) => owners.get(idOf(need)) ?? "")
      .filter((needed) => needed !== "");
  const done = new Set<string>();
  for (const id of stages.keys()) {
    for (const cycle of cyclesFrom(id, neededBy, done)) {
      if (problems.length >= mostCycles) return problems;
      const [first = ""] = cycle;
      const message = `stages need each other in a circle: ${[...cycle, first].join(" → ")}`;
      problems.push(source.problemAtKey(["stages", first, "needs"], message));
    }
  }
  return problems;
}

/** Depth first, without recursion: a chain of needs may be long. */
function* cyclesFrom(
  start: string,
  neededBy: (id: string) => string[],
  done: Set<string>,
): Generator<readonly string[]> {
  if (done.has(start)) return;
  const way = [start];
  const onWay = new Set(way);
  const left = [neededBy(start)];
  for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
    const next = left.at(-1)?.pop();
    if (next === undefined) {
      done.add(here);
      onWay.delete(here);
      way.pop();
      left.pop();
    } else if (next !== here && onWay.has(next)) {
      yield way.slice(way.indexOf(next));
    } else if (next !== here && !done.has(next)) {
      way.push(next);
      onWay.add(next);
      left.push(neededBy(next));
    }
  }
}

function idOf(need: Need): string {
  return typeof need === "string" ? need : need.stage;
}
