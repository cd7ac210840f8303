import { parseDuration } from "../shared/duration.ts";
import { conditionProblems } from "./conditions.ts";
import type { Path, Source } from "./document.ts";
import type { Problem } from "./problem.ts";
import type { ManifestStage } from "./schema.ts";
import { sameAliases } from "./service-rules.ts";
import type { Commands } from "./shapes.ts";
import { nearest } from "./suggest.ts";

const mostHints = 20;
const mostCycles = 20;

type Needs = NonNullable<ManifestStage["needs"]>;

/** What is right in shape, but makes no sense. One rule, one function. */
export interface Checked {
  readonly source: Source;
  readonly defaults: ManifestStage;
  readonly stages: ReadonlyMap<string, ManifestStage>;
}

export function ruleProblems(checked: Checked): Problem[] {
  const { source, defaults, stages } = checked;
  return [
    ...stageRules(source, ["default"], defaults),
    ...[...stages].flatMap(([id, stage]) => [
      ...stageRules(source, ["stages", id], stage),
      ...missingScript(checked, id, stage),
    ]),
    ...badNeeds(checked),
    ...cycles(checked),
  ];
}

function stageRules(source: Source, path: Path, stage: ManifestStage): Problem[] {
  return [
    ...badTimeout(source, [...path, "timeout"], stage.timeout),
    ...conditionProblems(source, [...path, "rules"], stage.rules),
    ...leavesWorkspace(source, [...path, "working_directory"], stage.working_directory),
    ...sameAliases(source, [...path, "services"], stage.services),
    ...(["paths", "exclude"] as const).flatMap((key) =>
      (stage.artifacts?.[key] ?? []).flatMap((glob, index) =>
        leavesWorkspace(source, [...path, "artifacts", key, index], glob),
      ),
    ),
    ...(stage.inputs ?? []).flatMap((glob, index) =>
      leavesWorkspace(source, [...path, "inputs", index], glob),
    ),
    ...badReports(source, [...path, "artifacts", "reports", "junit"], stage.artifacts?.reports?.junit),
  ];
}

function badReports(source: Source, path: Path, junit: string | readonly string[] = []): Problem[] {
  if (typeof junit === "string") return leavesWorkspace(source, path, junit);
  return junit.flatMap((glob, index) => leavesWorkspace(source, [...path, index], glob));
}

function badTimeout(source: Source, path: Path, timeout: string | undefined): Problem[] {
  if (timeout === undefined || parseDuration(timeout) !== undefined) return [];
  return [source.problemAtValue(path, `"timeout" must be between 1s and 366d, each unit at most once`)];
}

function leavesWorkspace(source: Source, path: Path, value: string | undefined): Problem[] {
  if (value === undefined || !(value.startsWith("/") || value.split("/").includes(".."))) return [];
  return [
    source.problemAtValue(
      path,
      `${JSON.stringify(value)} leaves the workspace; it must be relative, without ".."`,
    ),
  ];
}

function missingScript({ source, defaults }: Checked, id: string, stage: ManifestStage): Problem[] {
  const script = stage.script ?? defaults.script;
  if (script === undefined) return [source.problemAtKey(["stages", id], `stage "${id}" has no script`)];
  if (!isBlank(script)) return [];
  const path = stage.script === undefined ? ["default", "script"] : ["stages", id, "script"];
  return [source.problemAtValue(path, `the script of stage "${id}" is empty`)];
}

function isBlank(commands: Commands): boolean {
  return typeof commands === "string" ? commands.trim() === "" : commands.every(isBlank);
}

function badNeeds(checked: Checked): Problem[] {
  const { source, stages } = checked;
  const hints = new Map<string, string>();
  return [...stages].flatMap(([id, stage]) =>
    neededIds(stage).flatMap((wanted, index) => {
      const path = ["stages", id, "needs", index];
      if (wanted === id) return [source.problemAtValue(path, `stage "${id}" needs itself`)];
      if (stages.has(wanted) || isOptional(stage.needs?.[index])) return [];
      const message = `stage "${id}" needs "${wanted}", and there is no such stage${hintFor(wanted, checked, hints)}`;
      return [source.problemAtValue(path, message)];
    }),
  );
}

/** To compare with 500 names takes time: only the first few get a hint. */
function hintFor(wanted: string, { stages }: Checked, hints: Map<string, string>): string {
  const known = hints.get(wanted);
  if (known !== undefined || hints.size >= mostHints) return known ?? "";
  const meant = nearest(wanted, [...stages.keys()]);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  hints.set(wanted, hint);
  return hint;
}

/** The cycles, each named from the stage that comes first; a stage that needs itself has its problem already. */
function cycles({ source, stages }: Checked): Problem[] {
  const problems: Problem[] = [];
  const done = new Set<string>();
  for (const id of stages.keys()) {
    for (const cycle of cyclesFrom(id, stages, done)) {
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
  stages: ReadonlyMap<string, ManifestStage>,
  done: Set<string>,
): Generator<readonly string[]> {
  if (done.has(start)) return;
  const way = [start];
  const left = [neededIds(stages.get(start))];
  for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
    const next = left.at(-1)?.pop();
    if (next === undefined) {
      done.add(here);
      way.pop();
      left.pop();
    } else if (next !== here && way.includes(next)) {
      yield way.slice(way.indexOf(next));
    } else if (next !== here && !done.has(next)) {
      way.push(next);
      left.push(neededIds(stages.get(next)));
    }
  }
}

function isOptional(need: Needs[number] | undefined): boolean {
  return typeof need === "object" && need.optional === true;
}

function neededIds(stage: ManifestStage | undefined): string[] {
  return (stage?.needs ?? []).map((need) => (typeof need === "string" ? need : need.stage));
}
