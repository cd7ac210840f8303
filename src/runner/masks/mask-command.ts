import type { OutputLine } from "../../engine/engine.ts";

/** A line that begins so is no output: it names a text to be masked from then on. */
const word = "::add-mask::";
/** A longer line isn't waited for. */
const longestCommand = 32 * 1024;

export type Command =
  /** It may yet be one. */
  | { readonly kind: "unfinished" }
  /** It's too long to be waited for. */
  | { readonly kind: "endless" }
  | { readonly kind: "mask"; readonly value: string };

/** The command that begins with this line, if it's one. `last`: nothing follows. */
export function commandAt(lines: readonly OutputLine[], at: number, last: boolean): Command | undefined {
  if (lines[at]?.text.startsWith(":") !== true) return undefined;
  const { text, isWhole } = lineAt(lines, at);
  if (isWhole || last) return text.startsWith(word) ? { kind: "mask", value: valueOf(text) } : undefined;
  if (!mayBe(text)) return undefined;
  return { kind: text.length > longestCommand ? "endless" : "unfinished" };
}

/** A line that may have come in pieces, as far as it must be known. */
function lineAt(lines: readonly OutputLine[], at: number): { text: string; isWhole: boolean } {
  let text = "";
  for (let index = at; index < lines.length && mayBe(text); index++) {
    text += lines[index]?.text ?? "";
    if (lines[index]?.partial !== true) return { text, isWhole: true };
  }
  return { text, isWhole: false };
}

function mayBe(text: string): boolean {
  return text.startsWith(word) || word.startsWith(text);
}

/** As workflow commands are written elsewhere: line ends and the percent sign itself are encoded. */
function valueOf(text: string): string {
  return text
    .slice(word.length)
    .replaceAll(/%0d/gi, "\r")
    .replaceAll(/%0a/gi, "\n")
    .replaceAll("%25", "%")
    .trim();
}
