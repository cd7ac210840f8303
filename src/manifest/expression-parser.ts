import type { Expression, Mistake, Regex, Value, Variable } from "./expression.ts";
import { isMistake } from "./expression.ts";
import { tokensOf, type Token } from "./expression-lexer.ts";
import { compileRegex, newBudget, type Budget } from "./expression-regex.ts";

const longest = 8192;
const deepest = 50;
const comparisons = { "==": "equal", "!=": "unequal", "=~": "match", "!~": "mismatch" } as const;
type Comparison = keyof typeof comparisons;

const anOperand = `a variable, a text in quotes, null or "("`;
const aJoint = `"&&", "||"`;
const anOperator = `"==", "!=", "=~", "!~", "&&", "||" or the end`;

/** A condition, or the first mistake in it. `budget` bounds what its regexes cost. */
export function parseExpression(text: string, budget: Budget = newBudget()): Expression | Mistake {
  if (text.length > longest) {
    const message = `the condition has more than ${String(longest)} characters`;
    return { start: 0, end: text.length, message };
  }
  const tokens = tokensOf(text);
  if (isMistake(tokens)) return tokens;
  const parser = new Parser(tokens, budget);
  try {
    return parser.whole();
  } catch (error) {
    if (error instanceof Slip) return error.mistake;
    throw error;
  }
}

/** Leaves the parser at the first mistake; never leaves this file. */
class Slip extends Error {
  readonly mistake: Mistake;
  constructor({ start, end }: Token, message: string) {
    super(message);
    this.mistake = { start, end: Math.max(end, start + 1), message };
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #budget: Budget;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], budget: Budget) {
    this.#tokens = tokens;
    this.#budget = budget;
  }

  whole(): Expression {
    const expression = this.#or();
    const next = this.#next;
    if (next.kind === ")") throw new Slip(next, `no "(" stands before this ")"`);
    if (next.kind !== "end") throw new Slip(next, expected(this.#expectedHere, next));
    return expression;
  }

  get #expectedHere(): string {
    const before = this.#tokens[this.#at - 2]?.kind;
    return before !== undefined && isComparison(before) ? `${aJoint} or the end` : anOperator;
  }

  #or(): Expression {
    return this.#joined("or", "||", () => this.#joined("and", "&&", () => this.#term()));
  }

  #joined(kind: "and" | "or", sign: "&&" | "||", term: () => Expression): Expression {
    const first = term();
    const terms = [first];
    while (this.#next.kind === sign) {
      this.#at += 1;
      terms.push(term());
    }
    return terms.length === 1 ? first : { kind, terms };
  }

  #term(): Expression {
    const open = this.#next;
    if (open.kind !== "(") return this.#comparison();
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > deepest) throw new Slip(open, "nested too deeply");
    const expression = this.#or();
    this.#depth -= 1;
    const close = this.#next;
    if (close.kind === "end") throw new Slip(open, `this "(" has no ")"`);
    if (close.kind !== ")") throw new Slip(close, expected(`"&&", "||" or ")"`, close));
    this.#at += 1;
    if (isComparison(this.#next.kind))
      throw new Slip(this.#next, "what stands in brackets can't be compared");
    return expression;
  }

  #comparison(): Expression {
    const token = this.#next;
    const left = this.#operand(token);
    const sign = this.#next;
    if (!isComparison(sign.kind)) return alone(token, left);
    this.#at += 1;
    const expression = this.#compared(token, left, sign.kind);
    if (isComparison(this.#next.kind))
      throw new Slip(this.#next, `comparisons can't be chained; join them with "&&"`);
    return expression;
  }

  #compared(token: Token, left: Value | Regex, sign: Comparison): Expression {
    const at = this.#next;
    const right = this.#operand(at);
    if (left.kind === "regex") throw new Slip(token, `a regex stands on the right, after "=~" or "!~"`);
    const kind = comparisons[sign];
    if (kind === "equal" || kind === "unequal") {
      if (right.kind === "regex")
        throw new Slip(at, `a regex is compared with "${sign === "==" ? "=~" : "!~"}", not with "${sign}"`);
      return { kind, left, right };
    }
    if (left.kind === "null") throw new Slip(token, "null matches nothing; a variable or a text stands here");
    if (right.kind === "text" || right.kind === "null")
      throw new Slip(at, `after "${sign}" stands a regex such as /text/, or a variable that holds one`);
    return { kind, left, right };
  }

  #operand(token: Token): Value | Regex {
    this.#at += 1;
    const { kind, text } = token;
    if (kind === "variable") return { kind, name: text };
    if (kind === "text") return { kind, text };
    if (kind === "null") return { kind };
    if (kind !== "regex") throw new Slip(token, expected(anOperand, token));
    const regex = compileRegex(text, this.#budget);
    if (typeof regex === "string") throw new Slip(token, `the regex can't be used: ${regex}`);
    return { kind, source: text };
  }

  get #next(): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1);
    if (token === undefined) throw new Error("a condition has at least its end");
    return token;
  }
}

function alone(token: Token, value: Value | Regex): Expression {
  if (value.kind === "variable") return { kind: "isSet", variable: value satisfies Variable };
  const what = { text: "a text", null: "null", regex: "a regex" }[value.kind];
  throw new Slip(token, `${what} alone says nothing of a run; compare a variable with it`);
}

function isComparison(kind: Token["kind"]): kind is Comparison {
  return Object.hasOwn(comparisons, kind);
}

function expected(what: string, { kind, text }: Token): string {
  const found = { variable: `$${text}`, text: "a text", regex: "a regex", null: "null" };
  if (kind === "end") return `the condition ends here; expected ${what}`;
  const named = kind in found ? Reflect.get(found, kind) : `"${kind}"`;
  return `expected ${what}, found ${String(named)}`;
}
