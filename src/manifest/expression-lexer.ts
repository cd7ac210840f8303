import type { Mistake } from "./expression.ts";
import { explain } from "./expression-slips.ts";

export const operators = ["==", "!=", "=~", "!~", "&&", "||", "(", ")"] as const;
export type Sign = (typeof operators)[number];

export interface Token {
  readonly kind: Sign | "variable" | "text" | "regex" | "null" | "end";
  readonly start: number;
  readonly end: number;
  /** Of a variable its name, of a text what is in the quotes, else as it was written. */
  readonly text: string;
}

/** The first that fits counts. `value` picks the token's text out of what was written. */
const forms = [
  { kind: "variable", pattern: /\$([A-Za-z_][A-Za-z0-9_]*)/y },
  { kind: "variable", pattern: /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/y },
  { kind: "text", pattern: /"([^"]*)"/y },
  { kind: "text", pattern: /'([^']*)'/y },
  { kind: "regex", pattern: /(\/(?:[^/\\\n]|\\[^\n])+\/[A-Za-z]*)/y },
  { kind: "null", pattern: /(null)(?![A-Za-z0-9_])/y },
] as const;
const sign = /(?:==|!=)(?!=)|=~|!~|&&|\|\||[()]/y;
const blanks = /[ \t\r\n]*/y;

/** The condition's words with their places, the end as the last; or the first thing that is none. */
export function tokensOf(text: string): readonly Token[] | Mistake {
  const tokens: Token[] = [];
  let at = skip(text, 0);
  while (at < text.length) {
    const token = signAt(text, at) ?? valueAt(text, at);
    if (token === undefined) return explain(text, at, tokens.at(-1)?.kind);
    tokens.push(token);
    at = skip(text, token.end);
  }
  const end = text.trimEnd().length;
  return [...tokens, { kind: "end", start: end, end, text: "" }];
}

function skip(text: string, at: number): number {
  blanks.lastIndex = at;
  blanks.exec(text);
  return blanks.lastIndex;
}

function signAt(text: string, start: number): Token | undefined {
  sign.lastIndex = start;
  const found = sign.exec(text)?.[0];
  const kind = operators.find((operator) => operator === found);
  return kind === undefined ? undefined : { kind, start, end: start + kind.length, text: kind };
}

function valueAt(text: string, start: number): Token | undefined {
  for (const { kind, pattern } of forms) {
    pattern.lastIndex = start;
    const found = pattern.exec(text);
    if (found !== null) return { kind, start, end: pattern.lastIndex, text: found[1] ?? "" };
  }
  return undefined;
}
