import type { Mistake } from "./expression.ts";

/** What people mean by what isn't in the language. The first that fits counts; the message says what to write. */
const slips: readonly {
  readonly pattern: RegExp;
  readonly message: (found: string) => string;
}[] = [
  {
    pattern: /[=!]==+/y,
    message: (found) => `"${found}" isn't in the language; write "${found.slice(0, 2)}"`,
  },
  { pattern: /=/y, message: () => `"=" compares nothing; write "==", or "=~" for a regex` },
  { pattern: /!/y, message: () => `"!" isn't in the language; write $NAME == null or $NAME != "text"` },
  { pattern: /&/y, message: () => `"&" isn't in the language; write "&&"` },
  { pattern: /\|/y, message: () => `"|" isn't in the language; write "||"` },
  { pattern: /[<>]=?/y, message: () => `there is no order of texts; only "==", "!=", "=~" and "!~" compare` },
  { pattern: /"[^]*/y, message: () => `the text that begins here has no closing "` },
  { pattern: /'[^]*/y, message: () => `the text that begins here has no closing '` },
  { pattern: /[“”„‘’«»]/y, message: () => `a text stands in straight quotes: "text"` },
  { pattern: /\/\//y, message: () => "a regex can't be empty" },
  { pattern: /\/[^\n]*/y, message: () => `the regex that begins here has no closing "/"` },
  { pattern: /\$\{[A-Za-z0-9_]*/y, message: () => `the variable that begins here isn't closed: \${NAME}` },
  { pattern: /\$/y, message: () => `a variable's name follows "$": $NAME or \${NAME}` },
];

const word = /[\p{L}\p{N}_](?:[\p{L}\p{N}_./:@-]*[\p{L}\p{N}_/])?/uy;
const words: Readonly<Record<string, string>> = {
  and: `"and" isn't in the language; write "&&"`,
  or: `"or" isn't in the language; write "||"`,
  not: `"not" isn't in the language; write $NAME == null or $NAME != "text"`,
  nil: `"nil" isn't in the language; write null`,
  none: `"none" isn't in the language; write null`,
  undefined: `"undefined" isn't in the language; write null`,
};

/** Why no word of the language begins at `start`. `before`: the kind of the token before it. */
export function explain(text: string, start: number, before: string | undefined): Mistake {
  if (before === "regex" && /\S/.test(text[start - 1] ?? ""))
    return { start, end: start + 1, message: slashInRegex };
  for (const { pattern, message } of slips) {
    pattern.lastIndex = start;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) return { start, end: start + found.length, message: message(found) };
  }
  word.lastIndex = start;
  const found = word.exec(text)?.[0];
  if (found !== undefined) return { start, end: start + found.length, message: explainWord(found, before) };
  const sign = String.fromCodePoint(text.codePointAt(start) ?? 0);
  return { start, end: start + sign.length, message: `${JSON.stringify(sign)} isn't in the language` };
}

const slashInRegex = `the regex ends before this; within one a "/" is written "\\/"`;

function explainWord(found: string, before: string | undefined): string {
  const lower = found.toLowerCase();
  const known = Object.hasOwn(words, lower) ? words[lower] : undefined;
  if (known !== undefined) return known;
  const isCompared = before !== undefined && ["==", "!=", "=~", "!~"].includes(before);
  const looksLikeName = /^[A-Z_][A-Z0-9_]*$/.test(found);
  if (looksLikeName && !isCompared) return `a variable begins with "$": $${found}`;
  return before === "=~" || before === "!~"
    ? `a regex stands between slashes: /${found}/`
    : `a text stands in quotes: "${found}"`;
}
