import type { Problem } from "./problem.ts";

const widest = 120;

/** The problem with its source line, as plain text without a line end. Safe for a terminal whatever the file holds. */
export function renderProblem(problem: Problem): string {
  const { file, line, column, length, message, source } = problem;
  const head = `${safe(file)}:${String(line)}:${String(column)} error: ${safe(message)}`;
  if (source.trim() === "") return head;
  const { text: part, start } = cut(source, column - 1, length);
  const text = safe(part);
  const number = `  ${String(line)} | `;
  const margin = `${" ".repeat(number.length - 2)}| `;
  const carets = "^".repeat(Math.max(1, Math.min(length, text.length - start)));
  return `${head}\n${number}${text}\n${margin}${" ".repeat(start)}${carets}`;
}

/** Of a long line, the part round the caret. */
function cut(source: string, at: number, length: number): { readonly text: string; readonly start: number } {
  if (source.length <= widest) return { text: source, start: Math.min(at, source.length) };
  const from = Math.max(0, Math.min(at - 40, source.length - widest));
  const text = source.slice(from, from + widest);
  const before = from > 0 ? "…" : "";
  const after = from + widest < source.length ? "…" : "";
  return { text: `${before}${text}${after}`, start: Math.min(at, at + length) - from + before.length };
}

/** One column a character: control characters, which could drive a terminal, become a sign; tabs a space. */
function safe(text: string): string {
  return text
    .replaceAll("\t", " ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (sign) => "\uFFFD".repeat(sign.length));
}
