import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isMistake, type Mistake } from "../../../src/manifest/expression.ts";
import { evaluate, type Answer } from "../../../src/manifest/expression-evaluate.ts";
import { parseExpression } from "../../../src/manifest/expression-parser.ts";
import { compileRegex, isFound, newBudget } from "../../../src/manifest/expression-regex.ts";

const variables: Readonly<Record<string, string>> = {
  SET: "yes",
  EMPTY: "",
  BRANCH: "feature/one",
  MESSAGE: "One\n\nTwo [skip ci]",
  REGEX: "/^feature/",
  NO_REGEX: "feature",
};

function answer(condition: string, given = variables): Answer {
  const expression = parseExpression(condition);
  if (isMistake(expression)) throw new Error(`${condition}: ${expression.message}`);
  return evaluate(expression, (name) => (Object.hasOwn(given, name) ? given[name] : undefined), newBudget());
}

function mistakeIn(condition: string): Mistake {
  const mistake = parseExpression(condition);
  if (!isMistake(mistake)) throw new Error(`${condition} was taken for good`);
  return mistake;
}

const conditions: readonly (readonly [condition: string, holds: boolean])[] = [
  ["$SET", true],
  ["${SET}", true],
  ["$EMPTY", false],
  ["$ABSENT", false],
  ["$toString", false],
  ['$SET == "yes"', true],
  ["$SET == 'yes'", true],
  ['"yes" == $SET', true],
  ['$SET=="yes"', true],
  ['$SET != "yes"', false],
  ["$SET == ${SET}", true],
  ["$ABSENT == null", true],
  ["null == $ABSENT", true],
  ["$EMPTY == null", false],
  ['$EMPTY == ""', true],
  ['$ABSENT == ""', false],
  ["$ABSENT != null", false],
  ["$ABSENT == $ALSO_ABSENT", true],
  [`$SET == "it's"`, false],
  ["$BRANCH =~ /^feature\\//", true],
  ["$BRANCH =~ /one/", true],
  ["$BRANCH =~ /ONE/", false],
  ["$BRANCH =~ /ONE/i", true],
  ["$BRANCH !~ /ONE/i", false],
  ["$BRANCH =~ $REGEX", true],
  ["$BRANCH !~ $REGEX", false],
  ["$ABSENT =~ /a/", false],
  ["$ABSENT !~ /a/", true],
  ["$BRANCH =~ $ABSENT", false],
  ["$MESSAGE =~ /^Two/", false],
  ["$MESSAGE =~ /^Two/m", true],
  ["$MESSAGE =~ /One.*Two/", false],
  ["$MESSAGE =~ /One.*Two/s", true],
  ["$MESSAGE =~ /\\[skip ci\\]/", true],
  ['"text" =~ /e/', true],
  ["$SET || $ABSENT && $ABSENT", true],
  ["($SET || $ABSENT) && $ABSENT", false],
  ["$ABSENT && $ABSENT || $SET", true],
  ["(($SET))", true],
  ["$SET && ($ABSENT || ($SET))", true],
  ["$SET\n  && $ABSENT == null\n", true],
  ["$SET || $BRANCH =~ $NO_REGEX", true],
];

for (const [condition, holds] of conditions) {
  test(`${condition} is ${String(holds)}`, () => expect(answer(condition)).toBe(holds));
}

test("a variable that should hold a regex and doesn't is told, not guessed", () => {
  expect(answer("$BRANCH =~ $NO_REGEX")).toEqual({
    why: "$NO_REGEX holds no regex: it must be written /regex/",
  });
  expect(answer("$BRANCH !~ $EMPTY")).toEqual({ why: "$EMPTY holds no regex: it must be written /regex/" });
  expect(answer("$BRANCH =~ $P", { ...variables, P: "/(/" })).toEqual({
    why: '$P holds no regex: missing closing ): "("',
  });
});

const mistakes: readonly (readonly [condition: string, at: string, message: RegExp])[] = [
  ['$A = "b"', "=", /write "=="/],
  ["$A === null", "===", /write "=="/],
  ["$A !== null", "!==", /write "!="/],
  ["$A and $B", "and", /write "&&"/],
  ["$A OR $B", "OR", /write "\|\|"/],
  ["not $A", "not", /\$NAME == null/],
  ["!$A", "!", /isn't in the language/],
  ["$A & $B", "&", /write "&&"/],
  ["$A | $B", "|", /write "\|\|"/],
  ["A == null", "A", /begins with "\$": \$A/],
  ["$A == main", "main", /in quotes: "main"/],
  ["$A == MAIN", "MAIN", /in quotes: "MAIN"/],
  ["$A == 1.5", "1.5", /in quotes/],
  ["$A =~ main", "main", /between slashes: \/main\//],
  ['$A == "b', '"b', /no closing "/],
  ["$A == 'b", "'b", /no closing '/],
  ["$A =~ /b", "/b", /no closing "\/"/],
  ["$A =~ /b/c/", "/", /written "\\\/"/],
  ["$A =~ //", "//", /empty/],
  ["$A =~ /b/x", "/b/x", /no flag/],
  ["$A =~ /b(/", "/b(/", /missing closing \)/],
  ["$A =~ /b(?=c)/", "/b(?=c)/", /no lookahead/],
  ["$A =~ /(b)\\1/", "/(b)\\1/", /invalid escape/],
  ["$A < $B", "<", /no order/],
  ["${A", "${A", /isn't closed/],
  ["$", "$", /name follows/],
  ["$1", "$", /name follows/],
  ["$A == “b”", "“", /straight quotes/],
  ["$A; $B", ";", /isn't in the language/],
  ["($A", "(", /has no "\)"/],
  ["$A)", ")", /no "\(" stands before/],
  ["($A $B)", "$B", /expected "&&", "\|\|" or "\)"/],
  ["($A) == $B", "==", /brackets can't be compared/],
  ["$A $B", "$B", /expected "=="/],
  ['$A == "b" "c"', '"c"', /expected "&&", "\|\|" or the end, found a text/],
  ['$A == "b" == "c"', "==", /can't be chained/],
  ["$A == /b/", "/b/", /compared with "=~"/],
  ['$A =~ "b"', '"b"', /stands a regex/],
  ["$A =~ null", "null", /stands a regex/],
  ["/b/ =~ $A", "/b/", /on the right/],
  ["null =~ /b/", "null", /matches nothing/],
  ['"b"', '"b"', /alone/],
  ["null && $A", "null", /alone/],
  ["&& $A", "&&", /expected a variable/],
];

for (const [condition, at, message] of mistakes) {
  test(`the mistake in ${condition} is found where it is`, () => {
    const mistake = mistakeIn(condition);
    expect(mistake.message).toMatch(message);
    expect(condition.slice(mistake.start, mistake.end)).toBe(at);
  });
}

test("a condition that ends too early is told at its end", () => {
  expect(mistakeIn("$A &&  ")).toMatchObject({ start: 5, end: 6 });
  expect(mistakeIn("")).toMatchObject({ start: 0, end: 1 });
});

test("brackets without end are refused, and a chain without end is fine", () => {
  expect(mistakeIn("(".repeat(4000)).message).toBe("nested too deeply");
  expect(mistakeIn("$A ".repeat(4000)).message).toContain("more than 8192 characters");
  expect(answer(Array.from({ length: 800 }, () => "$SET").join("&&"))).toBe(true);
});

const slowElsewhere = [
  "(a+)+$",
  "^(a|a)*$",
  "(a|aa)+$",
  "(.*a){12}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(x+x+)+y",
];

for (const pattern of slowElsewhere) {
  test(`the regex ${pattern} costs no more than its budget`, () => {
    const budget = newBudget();
    const regex = compileRegex(`/${pattern}/`, budget);
    if (typeof regex === "string") throw new Error(regex);
    expect(isFound(regex, `${"a".repeat(30_000)}!`, budget)).toBe(false);
    expect(budget.left).toBeGreaterThan(0);
  });
}

test("a regex and a text that are too much together aren't begun with", () => {
  const given = { LONG: "a".repeat(65_536), PATTERN: `/${"(a?){100}".repeat(4)}$/` };
  expect(answer("$LONG =~ $PATTERN", given)).toEqual({ why: "the regexes here would take too long" });
  expect(answer("$LONG =~ $PATTERN", { ...given, PATTERN: "/((a{50}){50}){50}/" })).toMatchObject({
    why: expect.stringContaining("too large"),
  });
});

test("the regexes of a condition share a budget, those of their making too", () => {
  const one = `$LONG =~ /${"a?".repeat(20)}b/`;
  const many = Array.from({ length: 100 }, () => one).join(" || ");
  expect(answer(one, { LONG: "a".repeat(65_536) })).toBe(false);
  expect(answer(many, { LONG: "a".repeat(65_536) })).toMatchObject({ why: expect.any(String) });
  const costly = Array.from({ length: 200 }, (_, index) => `$A =~ /(b{30}${String(index)}){30}/`).join("||");
  expect(mistakeIn(costly).message).toContain("too long");
});

const pieces = fc.constantFrom(
  ...`$A \${B} $EMPTY "x" 'y' null /a+/i /(/ == != =~ !~ && || ( ) = ! and or $ " ' / \\ main 1 . é 😀 \ud800 \n \t`.split(
    " ",
  ),
  " ",
);

test("whatever stands there is a condition, or a mistake at a place in it", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(pieces).map((parts) => parts.join(" ")),
    fc.array(pieces).map((parts) => parts.join("")),
  );
  const check = (text: string, value: string): void => {
    const parsed = parseExpression(text);
    if (isMistake(parsed)) {
      expect(parsed.start).toBeGreaterThanOrEqual(0);
      expect(parsed.start).toBeLessThanOrEqual(text.length);
      expect(parsed.end).toBeGreaterThan(parsed.start);
      expect(parsed.message).not.toBe("");
      return;
    }
    const given = evaluate(parsed, (name) => (name === "EMPTY" ? "" : value), newBudget());
    if (typeof given === "object") expect(given.why).not.toBe("");
  };
  fc.assert(fc.property(texts, fc.string({ unit: "binary" }), check), { numRuns: 2000 });
});

test("what was said of a condition is true of its parts", () => {
  const term = fc.constantFrom(
    "$SET",
    "$EMPTY",
    "$ABSENT",
    '$SET == "yes"',
    "$BRANCH =~ /two/",
    "$ABSENT != null",
  );
  fc.assert(
    fc.property(term, term, term, (a, b, c) => {
      const [x, y, z] = [answer(a), answer(b), answer(c)];
      expect(answer(`${a} && ${b} || ${c}`)).toBe((x && y) || z);
      expect(answer(`${a} || ${b} && ${c}`)).toBe(x || (y && z));
      expect(answer(`${a} && (${b} || ${c})`)).toBe(x && (y || z));
    }),
  );
});
