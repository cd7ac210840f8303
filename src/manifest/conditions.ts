import type { Path, Source } from "./document.ts";
import { isMistake, type Expression, type Mistake } from "./expression.ts";
import { parseExpression } from "./expression-parser.ts";
import { newBudget, type Budget } from "./expression-regex.ts";
import type { Problem } from "./problem.ts";
import type { ManifestStage } from "./schema.ts";

const mostMistakes = 500;

/**
 * Of a manifest, since a stranger may write thousands of conditions with the dearest regexes there can be, or one that aliases make a
 * hundred thousand of.
 */
interface Reading {
  readonly budget: Budget;
  readonly known: Map<string, Expression | Mistake>;
  mistakes: number;
}
const readings = new WeakMap<Source, Reading>();

/** What is wrong with the conditions, each shown where it stands in the file. */
export function conditionProblems(source: Source, path: Path, rules: ManifestStage["rules"] = []): Problem[] {
  const reading = readings.get(source) ?? { budget: newBudget(), known: new Map(), mistakes: 0 };
  readings.set(source, reading);
  return rules.flatMap(({ if: condition }, index) => {
    if (condition === undefined) return [];
    const mistake = readOnce(condition, reading);
    if (!isMistake(mistake) || reading.mistakes >= mostMistakes) return [];
    reading.mistakes += 1;
    const { start, end, message } = mistake;
    return [source.problemWithin([...path, index, "if"], [start, end], message)];
  });
}

function readOnce(condition: string, { known, budget }: Reading): Expression | Mistake {
  const before = known.get(condition);
  if (before !== undefined) return before;
  const read = parseExpression(condition, budget);
  known.set(condition, read);
  return read;
}
