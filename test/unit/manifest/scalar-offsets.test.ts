import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isMap, isScalar, parseDocument, stringify } from "yaml";
import { offsetsIn } from "../../../src/manifest/scalar-offsets.ts";

/** The one value of a map, as it's written and as it's meant. */
function scalarOf(file: string): { readonly written: string; readonly value: string } {
  const { contents } = parseDocument(file);
  const node = isMap(contents) ? contents.items[0]?.value : undefined;
  if (!isScalar(node) || typeof node.value !== "string") throw new Error(`no text: ${file}`);
  return { written: file.slice(node.range?.[0], node.range?.[1]), value: node.value };
}

const files: readonly string[] = [
  'a: $A == "b"\n',
  'a: "$A == \\"b\\""\n',
  "a: '$A == ''b'''\n",
  'a: |\n  $A == "b"\n  && $C\n',
  'a: >\n  $A == "b"\n  && $C\n\n  || $D\n',
  'a: >-\n    $A == "b"\n    && $C',
  "a: |+\n  $A\n\n\n",
  'a: $A ==\n  "b" &&\n  $C\n',
  'a: "$A ==\n  \\"b\\" &&\n\n  $C"\n',
  'a: "\\u0042 \\x41 $A \\U0001F600 $B"\n',
  "a: |2\n    $A\n  $B\n",
  "a: >\n  $A\n    $B\n  $C\n",
  "a: |\r\n  $A\r\n  $B\r\n",
  'a: "a😀 $B"\n',
];

for (const file of files) {
  test(`every sign of ${JSON.stringify(file)} is found`, () => {
    const { written, value } = scalarOf(file);
    const offsets = offsetsIn(written, value);
    const found = [...value.matchAll(/[$A-D&|=]/g)].map(({ index }) => written[offsets?.[index] ?? -1]);
    const meant = [...value.matchAll(/[$A-D&|=]/g)].map(({ 0: sign }) => sign);
    expect(found.map((sign, index) => (sign === "\\" ? meant[index] : sign))).toEqual(meant);
  });
}

test("where no place can be told none is", () => {
  expect(offsetsIn("*alias", "$A == null")).toBeUndefined();
  expect(offsetsIn('"$A \\\n  $B"', "$A $B")).toBeUndefined();
});

test("whatever YAML holds, offsets go forward and stay in it", () => {
  const styles = fc.constantFrom("PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE", "BLOCK_LITERAL", "BLOCK_FOLDED");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), styles, (text, defaultStringType) => {
      const { written, value } = scalarOf(stringify({ a: `x${text}` }, { defaultStringType }));
      const offsets = offsetsIn(written, value) ?? [];
      expect(
        offsets.every((offset, index) => offset >= (offsets[index - 1] ?? 0) && offset <= written.length),
      ).toBe(true);
    }),
    { numRuns: 500 },
  );
});
