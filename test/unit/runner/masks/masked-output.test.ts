import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Cursor, OutputBatch, OutputLine } from "../../../../src/engine/engine.ts";
import { patternsOf } from "../../../../src/runner/masks/mask-forms.ts";
import { Mask } from "../../../../src/runner/masks/mask.ts";
import { placeOf } from "../../../../src/runner/masks/mask-place.ts";
import { MaskedOutput } from "../../../../src/runner/masks/masked-output.ts";

function maskOf(...secrets: readonly string[]): Mask {
  const mask = new Mask();
  for (const secret of secrets) mask.add(secret);
  return mask;
}

/** The lines of a text as an engine yields it: from `from` on, a batch ending at each of `cuts`, with the place as cursor. */
function batchesOf(text: string, cuts: readonly number[], from = 0): OutputBatch[] {
  const ends = [...new Set([...cuts, text.length])].filter((cut) => cut > from && cut <= text.length);
  const batches: OutputBatch[] = [];
  let start = from;
  for (const end of ends.toSorted((one, other) => one - other)) {
    const parts = text.slice(start, end).split("\n");
    const rest = parts.pop() ?? "";
    const lines: OutputLine[] = parts.map((part) => ({ step: 1, text: part }));
    if (rest !== "") lines.push({ step: 1, text: rest, partial: true });
    batches.push({ lines, cursor: end });
    start = end;
  }
  return batches;
}

/** Masks that touch may be one or two, as the batches have it. */
function flat(lines: readonly OutputLine[]): string {
  const text = lines.map((line) => (line.partial === true ? line.text : `${line.text}\n`)).join("");
  return text.replaceAll(/(\[MASKED\])+/g, "[MASKED]");
}

interface Given {
  readonly lines: OutputLine[];
  /** After each batch: how many lines were given out, and the cursor stored with them. */
  readonly stored: { count: number; cursor: Cursor }[];
}

function pass(mask: Mask, batches: readonly OutputBatch[], cursor?: Cursor): Given {
  const output = new MaskedOutput(mask, cursor, (value) => void mask.add(value ?? ""));
  const given: Given = { lines: [], stored: [] };
  const keep = (batch: OutputBatch): void => {
    given.lines.push(...batch.lines);
    given.stored.push({ count: given.lines.length, cursor: batch.cursor });
  };
  for (const batch of batches) keep(output.push(batch));
  keep(output.end());
  return given;
}

/** What a restart at each stored cursor makes of the whole log, cut into batches in another way. */
function restarted(
  mask: () => Mask,
  text: string,
  cuts: readonly number[],
  others: readonly number[],
): string[] {
  const { lines, stored } = pass(mask(), batchesOf(text, cuts));
  return stored.map(({ count, cursor }) => {
    const place = new MaskedOutput(mask(), cursor, () => {}).from;
    const from = typeof place === "number" ? place : 0;
    const rest = pass(mask(), batchesOf(text, others, from), cursor);
    return flat([...lines.slice(0, count), ...rest.lines]);
  });
}

const secret = "s3cr3t/+value&é";
const encoded: Readonly<Record<string, string>> = {
  plain: secret,
  base64: Buffer.from(secret).toString("base64"),
  "base64 without padding": Buffer.from(secret).toString("base64").replaceAll("=", ""),
  base64url: Buffer.from(secret).toString("base64url"),
  "base64 after one character": Buffer.from(`a${secret}bcd`).toString("base64"),
  "base64 after two": Buffer.from(`ab${secret}`).toString("base64"),
  "base64url after two": Buffer.from(`>?${secret}??>>`).toString("base64url"),
  hex: Buffer.from(secret).toString("hex"),
  "hex in capitals": Buffer.from(secret).toString("hex").toUpperCase(),
  url: encodeURIComponent(secret),
  "url in small letters": encodeURIComponent(secret).toLowerCase(),
  json: JSON.stringify(secret),
  "json in ASCII": JSON.stringify(secret).replace("é", "\\u00e9"),
  "json in ASCII, capitals": JSON.stringify(secret).replace("é", "\\u00E9"),
  "json with escaped slashes": JSON.stringify(secret).replace("/", "\\/"),
  "json for HTML": JSON.stringify(secret).replace("&", "\\u0026"),
  xml: secret.replace("&", "&amp;"),
};
/** Of each form, what follows from the secret alone. */
const cores = [...patternsOf(secret)];

describe("a secret never comes out, cut at any place", () => {
  for (const [form, text] of Object.entries(encoded)) {
    test(`as ${form}`, () => {
      const output = `before ${text} after\n`;
      for (let cut = 1; cut < output.length; cut++) {
        const { lines } = pass(maskOf(secret), batchesOf(output, [cut]));
        const all = flat(lines);
        expect(all).toContain("[MASKED]");
        expect(cores.filter((core) => all.includes(core))).toEqual([]);
        expect([all.startsWith("before "), all.endsWith(" after\n")]).toEqual([true, true]);
      }
    });
  }

  test("and byte by byte", () => {
    const output = `${Object.values(encoded).join(" | ")}\n`;
    const everywhere = Array.from({ length: output.length }, (_, index) => index);
    const all = flat(pass(maskOf(secret), batchesOf(output, everywhere)).lines);
    expect(cores.filter((core) => all.includes(core))).toEqual([]);
    expect(all).toBe(flat(pass(maskOf(secret), batchesOf(output, [])).lines));
  });
});

const character = fc.constantFrom("a", "b", "\n", ":", "/", "%", "+", " ", "é", "🙂", "\\", '"', "'");
const anyText = fc.string({
  unit: fc.oneof(character, fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 })),
  maxLength: 60,
});
const secretText = fc.string({
  unit: fc.oneof(character, fc.constantFrom("a", "b", "c", "d")),
  minLength: 4,
  maxLength: 150,
});
const form = fc.constantFrom<(text: string, before: string) => string>(
  (text) => text,
  (text, before) => Buffer.from(before + text).toString("base64"),
  (text, before) => Buffer.from(`${before}${text}x`).toString("base64url"),
  (text) => encodeURIComponent(text),
  (text) => JSON.stringify(text),
  (text) => Buffer.from(text).toString("hex"),
  (text) => text.replaceAll("\n", "\r\n"),
  (text) => text.slice(0, Math.ceil(text.length / 2)),
);
const wellFormed = (text: string): string => text.toWellFormed();
const scene = fc.record({
  secrets: fc.array(secretText.map(wellFormed), { minLength: 1, maxLength: 3 }),
  parts: fc.array(fc.tuple(anyText.map(wellFormed), fc.nat(2), form, fc.constantFrom("", "a", "bc")), {
    minLength: 1,
    maxLength: 5,
  }),
  cuts: fc.array(fc.nat(600), { maxLength: 12 }),
  others: fc.array(fc.nat(600), { maxLength: 12 }),
});
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

function textOf({ secrets, parts }: Scene): string {
  return parts
    .map(([before, which, as, pad]) => before + as(secrets[which % secrets.length] ?? "", pad))
    .join("");
}

/** An engine cuts no character in two. */
function betweenCharacters(text: string, cuts: readonly number[]): readonly number[] {
  return cuts.filter((cut) => !/[\udc00-\udfff]/.test(text.charAt(cut)));
}

test("whatever is printed however it's cut: nothing by which a secret is known, and all else as it was", () => {
  fc.assert(
    fc.property(scene, (given) => {
      const text = textOf(given);
      const mask = maskOf(...given.secrets);
      const patterns = given.secrets.flatMap((each) => [...patternsOf(each)]);
      const whole = flat(pass(mask, batchesOf(text, [])).lines);
      const cut = flat(pass(mask, batchesOf(text, betweenCharacters(text, given.cuts))).lines);
      expect(cut).toBe(whole);
      const shown = whole.split(/\[MASKED\]|\n/);
      for (const piece of shown) {
        expect(text).toContain(piece);
        for (const pattern of patterns)
          if (!text.includes("[MASKED]")) expect(piece.includes(pattern)).toBe(false);
      }
      expect(whole.split("\n").length).toBe(text.split("\n").length);
      if (mask.find(text).length === 0) expect(whole).toBe(text);
    }),
    { numRuns: 1000 },
  );
});

test("a restart at any stored cursor loses nothing, doubles nothing and unmasks nothing", () => {
  fc.assert(
    fc.property(scene, (given) => {
      const text = textOf(given);
      const mask = (): Mask => maskOf(...given.secrets);
      const cuts = betweenCharacters(text, given.cuts);
      const whole = flat(pass(mask(), batchesOf(text, [])).lines);
      for (const after of restarted(mask, text, cuts, betweenCharacters(text, given.others)))
        expect(JSON.stringify(after)).toBe(JSON.stringify(whole));
    }),
    { numRuns: 500 },
  );
});

describe("what is held back", () => {
  const held = (mask: Mask, text: string): string => {
    const output = new MaskedOutput(mask, undefined, () => {});
    const [batch] = batchesOf(text, []);
    const { lines, units } = placeOf(output.push(batch ?? { lines: [], cursor: 0 }).cursor);
    if (lines === 0 && units === 0) return "";
    return text.split("\n").slice(lines).join("\n").slice(units);
  };

  test("is what may be the beginning of a secret, and no more", () => {
    const mask = maskOf("password1", "pass the salt");
    expect(held(mask, "your pas")).toBe("pas");
    expect(held(mask, "your pas\n")).toBe("");
    expect(held(mask, "your pass:")).toBe("");
    expect(held(mask, "a whole line\n")).toBe("");
    expect(held(mask, "Password: ")).toBe("");
  });

  test("is no more than 63 characters of a line, however long the secret", () => {
    const long = Array.from({ length: 2000 }, (_, index) => String(index)).join("-");
    expect(held(maskOf(long), `x${long.slice(0, 3001)}`).length).toBeLessThan(64);
  });

  test("is a line that may be the beginning of a secret of several", () => {
    const mask = maskOf("first line\n}");
    expect(held(mask, "one\nfirst line\n")).toBe("first line\n");
    expect(held(mask, "one\nlast line\n")).toBe("");
    const { lines } = pass(mask, batchesOf("one\nmy first line\n}\ntwo\n}\n", [12, 18, 19]));
    expect(flat(lines)).toBe("one\nmy [MASKED]\n[MASKED]\ntwo\n}\n");
  });
});

test("nothing waits for the next line because a secret has several", () => {
  const key = Buffer.from(Array.from({ length: 900 }, (_, index) => index % 251)).toString("base64");
  const pem = `-----BEGIN KEY-----\n${key.replaceAll(/.{64}/g, "$&\n")}\n-----END KEY-----\n`;
  const json = JSON.stringify({ a: 1, key: "of several lines", more: { b: [1, 2, 3] } }, null, 2);
  const output = new MaskedOutput(maskOf(pem, json, "ab\ncd\nef"), undefined, () => {});
  for (const [index, text] of ["one", "-----", "}", "  ]", "ef", "", "  }", "x{"].entries()) {
    expect(output.push({ lines: [{ step: 1, text }], cursor: index }).lines).toEqual([{ step: 1, text }]);
  }
});

test("lines keep their number and their steps when a secret goes over several of them", () => {
  const lines = [
    { step: 1, text: "a" },
    { step: 1, text: "key: line-one" },
    { step: 2, text: "line-two" },
    { step: 3, text: "line-three end" },
  ];
  const output = new MaskedOutput(maskOf("line-one\nline-two\nline-three\n"), undefined, () => {});
  expect(output.push({ lines, cursor: 9 })).toEqual({
    cursor: 9,
    lines: [
      { step: 1, text: "a" },
      { step: 1, text: "key: [MASKED]" },
      { step: 2, text: "[MASKED]" },
      { step: 3, text: "[MASKED] end" },
    ],
  });
});

describe("a mask that the output asks for", () => {
  const passed = (text: string, cuts: readonly number[] = []): string =>
    flat(pass(new Mask(), batchesOf(text, cuts)).lines);

  test("holds from then on, and its line isn't shown", () => {
    expect(passed("hello token\n::add-mask::token\nhello token\n")).toBe("hello token\nhello [MASKED]\n");
  });

  test("the same, cut at any place and begun again at any place", () => {
    const text = "hello token\n::add-mask::token%0Amore\r\nhello token\nmore\n:: no\n:\n::add-mask:no\n";
    const expected = "hello token\nhello [MASKED]\n[MASKED]\n:: no\n:\n::add-mask:no\n";
    for (let cut = 1; cut < text.length; cut++) {
      expect(passed(text, [cut])).toBe(expected);
      const known = (): Mask => maskOf("token\nmore");
      for (const after of restarted(known, text, [cut], [cut + 3, cut - 2]))
        expect(after.replace("hello token\n", "hello [MASKED]\n")).toBe(
          expected.replace("hello token\n", "hello [MASKED]\n"),
        );
    }
  });

  test("hides no secret that only looks like one so far", () => {
    const text = "key a\n::\naa ::\n";
    for (let cut = 1; cut < text.length; cut++) {
      const { lines } = pass(maskOf("a\n::\naa"), batchesOf(text, [cut]));
      expect(flat(lines)).toBe("key [MASKED]\n[MASKED]\n[MASKED] ::\n");
    }
  });

  test("is one only at the beginning of a line", () => {
    expect(passed("x ::add-mask::token\ntoken\n", [2])).toBe("x ::add-mask::token\ntoken\n");
  });

  test("isn't shown when the output ends in it, nor when it never ends", () => {
    expect(passed("a\n::add-mask::token")).toBe("a\n");
    const found: (string | undefined)[] = [];
    const output = new MaskedOutput(new Mask(), undefined, (value) => found.push(value));
    const piece = { step: 1, text: `::add-mask::${"x".repeat(40_000)}`, partial: true as const };
    const first = output.push({ lines: [piece], cursor: 1 });
    expect([first.lines, found]).toEqual([[], [undefined]]);
    const again = new MaskedOutput(new Mask(), first.cursor, () => {});
    expect(
      again.push({
        lines: [
          { step: 1, text: "rest" },
          { step: 1, text: "shown" },
        ],
        cursor: 2,
      }).lines,
    ).toEqual([{ step: 1, text: "shown" }]);
  });
});

test("cursors of the engine stay as they are while nothing is held back", () => {
  const { stored } = pass(maskOf("secret"), batchesOf("one\ntwo\n", [4]));
  expect(stored.map(({ cursor }) => cursor)).toEqual([4, 8, 8]);
});

test("a flood of half a secret is no burden", () => {
  const mask = maskOf("a".repeat(200));
  const flood = "a".repeat(60_000);
  const output = new MaskedOutput(mask, undefined, () => {});
  let shown = 0;
  for (let round = 1; round <= 10; round++) {
    const { lines } = output.push({ lines: [{ step: 1, text: flood, partial: true }], cursor: round });
    shown += lines.reduce((sum, line) => sum + line.text.length, 0);
  }
  expect(shown).toBeLessThan(200);
});
