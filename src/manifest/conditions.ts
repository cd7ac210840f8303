import type { Path, Source } from "./document.ts";
import { isMistake } from "./expression.ts";
import { parseExpression } from "./expression-parser.ts";
import { newBudget, type Budget } from "./expression-regex.ts";
import type { Problem } from "./problem.ts";
import type { ManifestStage } from "./schema.ts";

/** Of a manifest, since a stranger may write thousands of conditions with the dearest regexes there can be. */
const budgets = new WeakMap<Source, Budget>();

/** What is wrong with the conditions, each shown where it stands in the file. */
export function conditionProblems(source: Source, path: Path, rules: ManifestStage["rules"] = []): Problem[] {
  const budget = budgets.get(source) ?? newBudget();
  budgets.set(source, budget);
  return rules.flatMap(({ if: condition }, index) => {
    if (condition === undefined) return [];
    const mistake = parseExpression(condition, budget);
    if (!isMistake(mistake)) return [];
    const { start, end, message } = mistake;
    return [source.problemWithin([...path, index, "if"], [start, end], message)];
  });
}
