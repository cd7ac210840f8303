import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { expandText, expandVariables } from "../../../src/plan/expand.ts";

const values: Readonly<Record<string, string>> = { A: "one", EMPTY: "", DATA: "$A and ${A}", _1: "x" };
const lookup = (name: string): string | undefined => (Object.hasOwn(values, name) ? values[name] : undefined);

const texts: readonly (readonly [text: string, expanded: string])[] = [
  ["nothing", "nothing"],
  ["$A", "one"],
  ["${A}", "one"],
  ["<$A-${A}$A>", "<one-oneone>"],
  ["$AB", ""],
  ["${A}B", "oneB"],
  ["$EMPTY$ABSENT!", "!"],
  ["$$A $$$A $$$$", "$A $one $$"],
  ["$DATA", "$A and ${A}"],
  ["$_1", "x"],
  ["$1 $ $( $", "$1 $ $( $"],
  ["${A", "${A"],
  ["${A:-b} ${} ${1}", "${A:-b} ${} ${1}"],
  ["$toString$__proto__", ""],
  ["%A% #{A} {{A}}", "%A% #{A} {{A}}"],
];

for (const [text, expanded] of texts) {
  test(`${text} becomes ${expanded}`, () => expect(expandText(text, lookup)).toBe(expanded));
}

test("variables refer to each other in any order, and to what is given", () => {
  const own = { C: "$B!", B: "<$A$GIVEN>", A: "a", D: "$$A", E: "$NOBODY" };
  expect(expandVariables(own, (name) => (name === "GIVEN" ? "$A" : undefined))).toEqual({
    A: "a",
    B: "<a$A>",
    C: "<a$A>!",
    D: "$A",
    E: "",
  });
});

test("a circle is left as it's written, whoever is asked first, and what is given leads out of it", () => {
  const circle = { A: "a$B", B: "b$C", C: "c${A}", OUTSIDE: "$A", SELF: "$SELF:/bin", FINE: "x" };
  const expected = {
    A: "a$B",
    B: "b$C",
    C: "c$A",
    OUTSIDE: "$A",
    SELF: "$SELF:/bin",
    FINE: "x",
  };
  expect(expandVariables(circle, () => undefined)).toEqual(expected);
  const backwards = Object.fromEntries(Object.entries(circle).toReversed());
  expect(expandVariables(backwards, () => undefined)).toEqual(expected);
  const given = (name: string): string | undefined => (name === "SELF" ? "/usr/bin" : undefined);
  expect(expandVariables({ SELF: "$SELF:/bin" }, given)).toEqual({ SELF: "/usr/bin:/bin" });
});

test("doubling again and again ends with an error, at once", () => {
  const own = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [
      `V${String(index)}`,
      `$V${String(index + 1)}$V${String(index + 1)}`,
    ]),
  );
  expect(() => expandVariables({ ...own, V60: "xxxx" }, () => undefined)).toThrow(
    /longer than a variable may be/,
  );
  expect(() => expandText("$A".repeat(100_000), () => "x".repeat(1000))).toThrow(/longer than/);
  const wide = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`W${String(index)}`, "$BIG"]));
  expect(() => expandVariables({ ...wide, BIG: "x".repeat(60_000) }, () => undefined)).toThrow(/together/);
});

test("a chain of thousands is no deeper than one", () => {
  const length = 20_000;
  const own = Object.fromEntries(
    Array.from({ length }, (_, index) => [`V${String(index)}`, `$V${String(index + 1)}`]),
  );
  expect(expandVariables(own, (name) => (name === `V${String(length)}` ? "end" : undefined))["V0"]).toBe(
    "end",
  );
});

test("whatever variables refer to, it ends, every name has a value, and the order plays no part", () => {
  const name = fc.constantFrom("A", "B", "C", "D", "E");
  const value = fc
    .array(
      fc.oneof(
        name.map((each) => `$${each}`),
        fc.constantFrom("$$", "x", "${B}", "$", "$NONE"),
      ),
    )
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.dictionary(name, value), (own) => {
      const expanded = expandVariables(own, () => undefined);
      expect(Object.keys(expanded).toSorted()).toEqual(Object.keys(own).toSorted());
      const backwards = Object.fromEntries(Object.entries(own).toReversed());
      expect(expandVariables(backwards, () => undefined)).toEqual(expanded);
    }),
  );
});
