import * as fc from "fast-check";
import { isMistake } from "../../src/manifest/expression.ts";
import { evaluate } from "../../src/manifest/expression-evaluate.ts";
import { parseExpression } from "../../src/manifest/expression-parser.ts";
import { newBudget } from "../../src/manifest/expression-regex.ts";

/* Conditions to break their language with. */

const piece = fc.oneof(
  fc.constantFrom(
    ..."$A ${A} $B $ABSENT ${ $ \"a\" 'a' \" ' /a/ /a+b*/i /(a|b)*c/ /[/ /( / null true == != =~ !~ = ! & | && || ( ) and \\ \\/ [a-z] {1,999} (?=a) 1 % # \n \t é 🦊 \ud800".split(
      " ",
    ),
  ),
  fc.constantFrom(" ", "  "),
  fc.string({ unit: "binary", maxLength: 3 }),
);
const sound = fc.constantFrom(
  '$A == "x" && ($B != null || $C =~ /^a+$/i)',
  "$A",
  "$A =~ $B",
  '"a" == $A || $A !~ /x/',
);

export const conditionInputs = fc.oneof(
  fc.array(piece, { maxLength: 40 }).map((all) => all.join("")),
  fc
    .tuple(sound, fc.nat(45), fc.nat(4), piece)
    .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut)),
);

const variables: Readonly<Record<string, string>> = { A: "aab".repeat(200), B: "/^a/", C: "" };

/** What must hold whatever stands there; throws where it doesn't. */
export function checkConditions(text: string): void {
  const budget = newBudget();
  const expression = parseExpression(text, budget);
  if (!isMistake(expression)) {
    evaluate(expression, (name) => variables[name], budget);
    return;
  }
  const { start, end, message } = expression;
  if (start < 0 || end > text.length + 1 || start > end || message === "")
    throw new Error(`a mistake outside of the text: ${JSON.stringify(expression)}`);
}
