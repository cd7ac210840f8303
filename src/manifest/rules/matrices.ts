import type { Path, Source } from "../document.ts";
import type { Combination } from "../manifest.ts";
import { hiddenAxes, unfold, type Unfolding } from "../matrix.ts";
import type { Problem } from "../problem.ts";
import type { ManifestStage } from "../schema.ts";

const mostStagesUnfolded = 500;

export interface Matrices {
  readonly combinations: ReadonlyMap<string, readonly Combination[]>;
  readonly problems: readonly Problem[];
}

interface Stages {
  readonly source: Source;
  readonly defaults: ManifestStage;
  readonly stages: ReadonlyMap<string, ManifestStage>;
}

/** Unfolds every matrix, and says what is wrong with them. */
export function unfoldAll(checked: Stages): Matrices {
  const { source, stages } = checked;
  const problems: Problem[] = [];
  const combinations = new Map<string, readonly Combination[]>();
  for (const [id, stage] of stages) {
    const matrix = matrixOf(checked, id, stage);
    if (matrix === undefined) continue;
    problems.push(...hiddenAxes(source, matrix, { secrets: checked.defaults.secrets, ...stage }));
    const unfolded = unfold(source, matrix);
    if ("problems" in unfolded) problems.push(...unfolded.problems);
    else combinations.set(id, unfolded.combinations);
  }
  problems.push(...clashes(checked, combinations), ...tooMany(checked, combinations));
  return { combinations, problems };
}

function matrixOf({ defaults }: Stages, id: string, stage: ManifestStage): Unfolding | undefined {
  const path: Path = stage.matrix === undefined ? ["default", "matrix"] : ["stages", id, "matrix"];
  const matrix = stage.matrix ?? defaults.matrix;
  return matrix && { id, matrix, path };
}

/** An id that two stages would have. */
function clashes({ source, stages }: Stages, combinations: Matrices["combinations"]): Problem[] {
  const taken = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [owner, unfolded] of combinations) {
    for (const { id } of unfolded) {
      const other = stages.has(id) ? id : taken.get(id);
      taken.set(id, owner);
      if (other === undefined || other === owner) continue;
      const message = `a combination of stage "${owner}" has the id "${id}", which stage "${other}" has as well`;
      problems.push(source.problemAtKey(["stages", owner], message));
    }
  }
  return problems;
}

function tooMany({ source, stages }: Stages, combinations: Matrices["combinations"]): Problem[] {
  let count = stages.size;
  for (const unfolded of combinations.values()) count += unfolded.length - 1;
  if (count <= mostStagesUnfolded) return [];
  const unfolded = combinations.size === 0 ? "" : ", matrices unfolded";
  const message = `the manifest has ${String(count)} stages${unfolded}; ${String(mostStagesUnfolded)} stages is the most`;
  return [source.problemAtKey(["stages"], message)];
}
