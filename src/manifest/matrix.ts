import type { Path, Source } from "./document.ts";
import { isGiven } from "./given.ts";
import type { Combination } from "./manifest.ts";
import type { Problem } from "./problem.ts";
import type { ManifestStage } from "./schema.ts";

const mostCombinations = 200;
const longestId = 128;

type Matrix = NonNullable<ManifestStage["matrix"]>;
type Axes = Extract<Matrix, readonly unknown[]>[number];

/** A stage's matrix, and where it stands: the stage's own or that of `default`. */
export interface Unfolding {
  readonly id: string;
  readonly matrix: Matrix;
  readonly path: Path;
}

export type Unfolded =
  | { readonly combinations: readonly Combination[] }
  | { readonly problems: readonly Problem[] };

/** Every combination of a stage's axes, in their order as written. */
export function unfold(source: Source, { id, matrix, path }: Unfolding): Unfolded {
  const groups = groupsOf(matrix, path);
  const count = groups.reduce((sum, { axes }) => sum + productOf(axes), 0);
  if (count > mostCombinations) {
    const message = `the matrix of stage "${id}" has ${String(count)} combinations; ${String(mostCombinations)} is the most`;
    return { problems: [source.problemAtKey(path, message)] };
  }
  const found: Combination[] = [];
  const seen = new Map<string, string>();
  const problems: Problem[] = [];
  for (const group of groups) {
    for (const variables of combinationsOf(source, group)) {
      const one = { id: idOf(id, Object.values(variables)), variables };
      found.push(one);
      problems.push(...unfit(source, group.path, one, seen));
    }
  }
  return problems.length > 0 ? { problems } : { combinations: found };
}

interface Group {
  readonly axes: Axes;
  readonly path: Path;
}

function groupsOf(matrix: Matrix, path: Path): readonly Group[] {
  if (!isList(matrix)) return [{ axes: matrix, path }];
  return matrix.map((axes, index) => ({ axes, path: [...path, index] }));
}

function productOf(axes: Axes): number {
  return Object.values(axes).reduce<number>(
    (product, values) => product * (isList(values) ? values.length : 1),
    1,
  );
}

type Value = string | number | boolean;

function combinationsOf(source: Source, { axes, path }: Group): Record<string, string>[] {
  let found: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(axes)) {
    const texts = isList(values)
      ? values.map((value, index) => source.written([...path, name, index], value))
      : [source.written([...path, name], values)];
    found = found.flatMap((before) => texts.map((text) => ({ ...before, [name]: text })));
  }
  return found;
}

/** "test:20:alpine"; what an id can't have becomes "-". */
function idOf(id: string, values: readonly string[]): string {
  const parts = values.map((value) => value.replaceAll(/[^A-Za-z0-9._:-]/g, "-"));
  return [id, ...parts.map((part) => (part === "" ? "-" : part))].join(":");
}

/** What is wrong with a combination beside those before it; `seen` has what each id stands for. */
function unfit(
  source: Source,
  path: Path,
  { id, variables }: Combination,
  seen: Map<string, string>,
): Problem[] {
  const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const text = words.join(", ");
  const earlier = seen.get(id);
  seen.set(id, text);
  if (id.length > longestId) {
    const message = `the combination ${text} has an id of ${String(id.length)} characters; ${String(longestId)} is the most`;
    return [source.problemAtValue(path, message)];
  }
  if (earlier === undefined) return [];
  const message =
    earlier === text
      ? `the combination ${text} stands here twice`
      : `the combinations ${earlier} and ${text} have the same id, "${id}"`;
  return [source.problemAtValue(path, message)];
}

/** An axis that something else hides from the script. */
export function hiddenAxes(source: Source, { id, matrix, path }: Unfolding, stage: Hiding): Problem[] {
  return groupsOf(matrix, path).flatMap((group) =>
    Object.keys(group.axes).flatMap((name) => {
      const hidden = hiderOf(name, stage);
      if (hidden === undefined) return [];
      const message = `the script of stage "${id}" can't see the matrix axis "${name}": ${hidden}`;
      return [source.problemAtKey([...group.path, name], message)];
    }),
  );
}

/** What of a stage may hide an axis. */
interface Hiding {
  readonly variables?: ManifestStage["variables"];
  readonly secrets?: ManifestStage["secrets"] | undefined;
}

function hiderOf(name: string, { variables = {}, secrets = [] }: Hiding): string | undefined {
  if (isGiven(name)) return "the runner sets that variable itself";
  if (Object.hasOwn(variables, name)) return "the stage has a variable of that name";
  const names: readonly string[] = Array.isArray(secrets) ? secrets : Object.keys(secrets);
  return names.includes(name) ? "the stage has a secret of that name" : undefined;
}

function isList(value: Matrix): value is Extract<Matrix, readonly unknown[]>;
function isList(value: Value | Value[]): value is Value[];
function isList(value: unknown): boolean {
  return Array.isArray(value);
}
