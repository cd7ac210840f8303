import { RE2JS } from "re2js";
import { messageOf } from "../shared/errors.ts";

/*
 * Regexes come from strangers, and so do the texts they are held against. RE2 takes time that grows with their sizes and no
 * quicker, whatever they are; the sizes are bounded here, and the sum of the work by a `Budget`.
 */

/** Steps that may still be made; a step takes 25 ns at most. */
export interface Budget {
  left: number;
}

/** About a quarter of a second at the worst. */
const stepsOfAll = 10_000_000;
const stepsToCompile = 100;
const longest = 1000;
const heaviest = 2000;
const flagsOf: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
  U: 0, // whether it takes much or little, it matches the same texts
};

export function newBudget(): Budget {
  return { left: stepsOfAll };
}

/** `source` is `/regex/flags`. A text: what is wrong with it. */
export function compileRegex(source: string, budget: Budget): RE2JS | string {
  const parts = /^\/((?:[^/\\]|\\.)+)\/([A-Za-z]*)$/s.exec(source);
  if (parts === null) return "it must be written /regex/";
  const [, pattern = "", letters = ""] = parts;
  const odd = Array.from(letters).find((letter) => !Object.hasOwn(flagsOf, letter));
  if (odd !== undefined) return `"${odd}" is no flag of a regex; there are i, m, s and U`;
  const weight = weigh(pattern);
  if (pattern.length > longest || weight > heaviest) return "it's too large for a condition";
  budget.left -= weight * stepsToCompile;
  if (budget.left < 0) return tooMuch;
  const flags = Array.from(letters).reduce((sum, letter) => sum | (flagsOf[letter] ?? 0), 0);
  try {
    return RE2JS.compile(pattern.replaceAll("\\/", "/"), flags);
  } catch (error) {
    return reasonOf(error);
  }
}

export const tooMuch = "the regexes here would take too long";

/** Whether it's found anywhere in `text`; undefined when that would take too long. */
export function isFound(regex: RE2JS, text: string, budget: Budget): boolean | undefined {
  budget.left -= regex.programSize() * (text.length + 1);
  return budget.left < 0 ? undefined : regex.test(text);
}

const pieces = /\\.|\[(?:\\.|[^\]\\])*\]|\{(\d{1,9})(?:,(\d{0,9}))?\}|./gs;

/** About as many steps as the compiled regex has: what is repeated counts as often as it's repeated. */
function weigh(pattern: string): number {
  const open: number[] = [];
  let here = 0;
  let last = 0;
  for (const [piece, least, most = ""] of pattern.matchAll(pieces)) {
    if (least !== undefined) {
      const times = Math.max(1, Number(least), Number(most));
      here += last * (times - 1);
      last *= times;
    } else if (piece === "(") {
      open.push(here);
      here = 1;
    } else if (piece === ")") {
      last = here;
      here += open.pop() ?? 0;
    } else {
      last = 1 + piece.length / 8;
      here += last;
    }
  }
  return open.reduce((sum, outer) => sum + outer, here);
}

/** The library's sentence, without its own first words. */
function reasonOf(error: unknown): string {
  const message = messageOf(error)
    .replace(/^error parsing regexp: /, "")
    .replaceAll("`", '"');
  const isPerl = message.startsWith("invalid or unsupported Perl syntax");
  return isPerl ? `${message}; there is no lookahead, lookbehind or back reference` : message;
}
