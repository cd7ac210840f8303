import { unreachable } from "../shared/errors.ts";
import type { Expression, Regex, Text, Value, Variable } from "./expression.ts";
import { compileRegex, isFound, tooMuch, type Budget } from "./expression-regex.ts";

/** Whether a condition holds; or why that can't be told, which is the fault of a variable's value. */
export type Answer = boolean | { readonly why: string };

/** undefined: there is no such variable. */
export type Lookup = (name: string) => string | undefined;

/** Pure and total: it neither throws nor takes longer than `budget` allows. */
export function evaluate(expression: Expression, lookup: Lookup, budget: Budget): Answer {
  switch (expression.kind) {
    case "isSet":
      return (lookup(expression.variable.name) ?? "") !== "";
    case "and":
      return joined(expression.terms, false, lookup, budget);
    case "or":
      return joined(expression.terms, true, lookup, budget);
    case "equal":
      return valueOf(expression.left, lookup) === valueOf(expression.right, lookup);
    case "unequal":
      return valueOf(expression.left, lookup) !== valueOf(expression.right, lookup);
    case "match":
      return match(expression.left, expression.right, lookup, budget);
    case "mismatch":
      return opposite(match(expression.left, expression.right, lookup, budget));
    default:
      return unreachable(expression);
  }
}

/** From left to right, until a term settles it. */
function joined(terms: readonly Expression[], settling: boolean, lookup: Lookup, budget: Budget): Answer {
  for (const term of terms) {
    const answer = evaluate(term, lookup, budget);
    if (answer === settling || typeof answer === "object") return answer;
  }
  return !settling;
}

/** What isn't set matches nothing, and nothing matches what isn't set. */
function match(left: Variable | Text, right: Variable | Regex, lookup: Lookup, budget: Budget): Answer {
  const text = valueOf(left, lookup);
  const source = right.kind === "regex" ? right.source : lookup(right.name);
  if (text === null || source === undefined) return false;
  const regex = compileRegex(source, budget);
  if (typeof regex === "string") {
    return { why: right.kind === "variable" ? `$${right.name} holds no regex: ${regex}` : regex };
  }
  return isFound(regex, text, budget) ?? { why: tooMuch };
}

function opposite(answer: Answer): Answer {
  return typeof answer === "boolean" ? !answer : answer;
}

function valueOf(value: Value, lookup: Lookup): string | null {
  if (value.kind === "variable") return lookup(value.name) ?? null;
  return value.kind === "text" ? value.text : null;
}
