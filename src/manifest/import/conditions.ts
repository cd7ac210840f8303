import { isMistake } from "../expression.ts";
import { parseExpression } from "../expression-parser.ts";

/** One way in which something may run: all of it must hold. */
export interface Condition {
  readonly if?: string;
  readonly changes?: readonly string[];
}

/** Any of one, and any of the other. */
export function both(one: readonly Condition[], other: readonly Condition[]): readonly Condition[] {
  return one.flatMap((left) =>
    other.map((right) => {
      const texts = [left.if, right.if].filter((text) => text !== undefined);
      const changes = [...(left.changes ?? []), ...(right.changes ?? [])];
      return {
        ...(texts.length > 0 ? { if: texts.length > 1 ? texts.map(bracketed).join(" && ") : texts[0] } : {}),
        ...(changes.length > 0 ? { changes } : {}),
      };
    }),
  );
}

export function anyOf(texts: readonly string[]): string {
  return texts.length > 1 ? texts.map(bracketed).join(" || ") : (texts[0] ?? "");
}

function bracketed(text: string): string {
  return text.includes("||") ? `(${text})` : text;
}

/** A text in the expression language. */
export function quotedText(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

/** A comparison of a variable with a name or a glob. */
export function matches(variable: string, glob: string): string {
  if (!/[*?[{]/.test(glob)) return `$${variable} == ${quotedText(glob)}`;
  const escaped = glob.replaceAll(/[.+^$()|\\/]/g, String.raw`\$&`);
  const regex = escaped
    .replaceAll("**", "\0")
    .replaceAll("*", String.raw`[^\/]*`)
    .replaceAll("\0", ".*")
    .replaceAll("?", String.raw`[^\/]`)
    .replaceAll(/\{([^{}]*)\}/g, (_, choices: string) => `(${choices.replaceAll(",", "|")})`);
  return `$${variable} =~ /^${regex}$/`;
}

export function differs(variable: string, glob: string): string {
  return matches(variable, glob).replace(" == ", " != ").replace(" =~ ", " !~ ");
}

/** Why a text is no condition of ours; undefined when it is one. */
export function whyNoCondition(text: string): string | undefined {
  const parsed = parseExpression(text);
  return isMistake(parsed) ? parsed.message : undefined;
}
