/*
 * The language of `rules[].if`: GitLab's. A condition is made of comparisons of variables, texts, regexes and `null`, joined by
 * `&&` and `||`; `&&` binds tighter.
 */

export type Expression =
  /** A variable alone: whether it's set and not empty. */
  | { readonly kind: "isSet"; readonly variable: Variable }
  | { readonly kind: "and" | "or"; readonly terms: readonly Expression[] }
  | {
      readonly kind: "equal" | "unequal";
      readonly left: Value;
      readonly right: Value;
    }
  | {
      readonly kind: "match" | "mismatch";
      readonly left: Variable | Text;
      readonly right: Variable | Regex;
    };

export type Value = Variable | Text | Null;

export interface Variable {
  readonly kind: "variable";
  readonly name: string;
}

export interface Text {
  readonly kind: "text";
  readonly text: string;
}

export interface Null {
  readonly kind: "null";
}

export interface Regex {
  readonly kind: "regex";
  /** As it was written, with slashes and flags. */
  readonly source: string;
}

/** What is wrong with a condition, and where in its text. */
export interface Mistake {
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

/** Unlike a class of exceptions it can't be taken for one that is ours by mistake. */
export function isMistake(value: object): value is Mistake {
  return "message" in value && "start" in value;
}
