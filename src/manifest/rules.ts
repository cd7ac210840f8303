import { parseDuration } from "../shared/duration.ts";
import type { Path, Source } from "./document.ts";
import type { Problem } from "./problem.ts";
import type { ManifestStage } from "./schema.ts";
import { nearest } from "./suggest.ts";

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
      ...needsNowhere(checked, id, stage),
    ]),
    ...cycles(checked),
  ];
}

function stageRules(source: Source, path: Path, stage: ManifestStage): Problem[] {
  return [
    ...badTimeout(source, [...path, "timeout"], stage.timeout),
    ...leavesWorkspace(source, [...path, "working_directory"], stage.working_directory),
    ...(["paths", "exclude"] as const).flatMap((key) =>
      (stage.artifacts?.[key] ?? []).flatMap((glob, index) =>
        leavesWorkspace(source, [...path, "artifacts", key, index], glob),
      ),
    ),
  ];
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
  if (script.length > 0 && (typeof script !== "string" || script.trim() !== "")) return [];
  const path = stage.script === undefined ? ["default", "script"] : ["stages", id, "script"];
  return [source.problemAtValue(path, `the script of stage "${id}" is empty`)];
}

function needsNowhere({ source, stages }: Checked, id: string, stage: ManifestStage): Problem[] {
  return (stage.needs ?? []).flatMap((need, index) => {
    const wanted = typeof need === "string" ? need : need.stage;
    const optional = typeof need !== "string" && need.optional === true;
    if (optional || stages.has(wanted)) return [];
    const meant = nearest(wanted, [...stages.keys()]);
    const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
    const message = `stage "${id}" needs "${wanted}", and there is no such stage${hint}`;
    return [source.problemAtValue(["stages", id, "needs", index], message)];
  });
}

/** Each cycle once, named from its first stage in the file. */
function cycles({ source, stages }: Checked): Problem[] {
  const problems: Problem[] = [];
  const done = new Set<string>();
  for (const id of stages.keys()) {
    const cycle = cycleFrom(id, stages, done);
    if (cycle === undefined) continue;
    const [first = ""] = cycle;
    const message = `stages need each other in a circle: ${[...cycle, first].join(" → ")}`;
    problems.push(source.problemAtKey(["stages", first, "needs"], message));
  }
  return problems;
}

/** Depth first, without recursion: a chain of needs may be long. */
function cycleFrom(
  start: string,
  stages: ReadonlyMap<string, ManifestStage>,
  done: Set<string>,
): string[] | undefined {
  const way: { readonly id: string; readonly left: string[] }[] = [];
  const enter = (id: string): void => {
    if (!done.has(id)) way.push({ id, left: neededIds(stages.get(id)) });
  };
  enter(start);
  for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
    const next = last.left.shift();
    if (next === undefined) {
      done.add(last.id);
      way.pop();
      continue;
    }
    const from = way.findIndex(({ id }) => id === next);
    if (from !== -1) {
      const cycle = way.slice(from).map(({ id }) => id);
      for (const { id } of way) done.add(id);
      return cycle;
    }
    enter(next);
  }
  return undefined;
}

function neededIds(stage: ManifestStage | undefined): string[] {
  return (stage?.needs ?? []).map((need) => (typeof need === "string" ? need : need.stage));
}
