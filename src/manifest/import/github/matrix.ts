import type { Item } from "../tree.ts";
import { filled, orNone, under } from "../values.ts";
import { variableFor } from "./expressions.ts";

type Combination = Readonly<Record<string, string>>;

const mostCombinations = 200;

/** The axes; with include or exclude, every combination by itself, as GitHub makes them. */
export function matrixOf(item: Item): unknown {
  if (!item.isMap) return item.leave("what a matrix is made of must stand here itself", "strategy.matrix");
  const include = under(item, "include", mapsIn);
  const exclude = under(item, "exclude", mapsIn);
  const axes = axesOf(item);
  if (include === undefined && exclude === undefined) return filled(axes);
  return orNone(withIncluded(without(product(axes), exclude ?? []), include ?? []));
}

function axesOf(item: Item): Record<string, string[]> {
  const axes: Record<string, string[]> = {};
  for (const axis of item.children()) {
    if (axis.key === "include" || axis.key === "exclude") continue;
    const values = valuesOf(axis);
    const variable = variableFor(axis.key);
    if (variable === undefined) axis.leave("it can't be the name of a variable");
    else if (values !== undefined) axes[variable] = values;
  }
  return axes;
}

function valuesOf(axis: Item): string[] | undefined {
  axis.tree.take(axis.spot);
  if (!axis.isList) return axis.leave("an axis is a list of values", `matrix.${axis.key}`);
  const values = axis
    .children()
    .flatMap(
      (value) => value.text ?? (value.leave("a value is a text, not a map", `matrix.${axis.key}`), []),
    );
  return values.length > 0 ? values : undefined;
}

function product(axes: Readonly<Record<string, readonly string[]>>): Combination[] {
  let all: Combination[] = [{}];
  for (const [name, values] of Object.entries(axes)) {
    all = all
      .flatMap((combination) => values.map((value) => ({ ...combination, [name]: value })))
      .slice(0, mostCombinations + 1);
  }
  return Object.keys(axes).length > 0 ? all : [];
}

function mapsIn(item: Item): Combination[] {
  if (!item.isList) return item.leave("a list of maps is expected here") ?? [];
  return item.children().map((entry) => {
    const pairs = entry.children().flatMap((child) => {
      child.tree.take(child.spot);
      const variable = variableFor(child.key);
      if (child.text !== undefined && variable !== undefined) return [[variable, child.text] as const];
      child.leave("a value is a text");
      return [];
    });
    return Object.fromEntries(pairs);
  });
}

function without(all: readonly Combination[], excluded: readonly Combination[]): Combination[] {
  return all.filter((combination) => !excluded.some((each) => agree(each, combination)));
}

/** An entry goes to every combination whose values it doesn't change; to none: it's one more. */
function withIncluded(all: readonly Combination[], included: readonly Combination[]): Combination[] {
  const original = [...all];
  const result = [...all];
  for (const entry of included.slice(0, mostCombinations)) {
    const fitting = original.flatMap((combination, index) => (fits(entry, combination) ? [index] : []));
    for (const index of fitting) result[index] = { ...result[index], ...entry };
    if (fitting.length === 0) result.push(entry);
  }
  return result;
}

function fits(entry: Combination, combination: Combination): boolean {
  const shared = Object.keys(entry).filter((key) => Object.hasOwn(combination, key));
  return Object.keys(combination).length > 0 && shared.every((key) => entry[key] === combination[key]);
}

function agree(one: Combination, other: Combination): boolean {
  return Object.entries(one).every(([key, value]) => other[key] === value);
}
