/*
 * From a place in a scalar's value to its place in the file: in between stand quotes, escapes, indentation and folded lines.
 */

const escapes: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/**
 * For each character of `value` (and for its end) the offset in `written`, the scalar as the file has it. undefined where
 * they can't be laid side by side, as for an alias: then only the whole scalar can be pointed at.
 */
export function offsetsIn(written: string, value: string): readonly number[] | undefined {
  const style = written[0] ?? "";
  if (style === "|" || style === ">") return aligned(written, value, written.indexOf("\n") + 1, stepPlain);
  if (style === '"') return aligned(written, value, 1, stepDouble);
  if (style === "'") return aligned(written, value, 1, stepSingle);
  return aligned(written, value, 0, stepPlain);
}

/** How many characters of `written` make one of the value, or several; undefined when that isn't it. */
type Step = (written: string, at: number, wanted: string) => number | undefined;

function aligned(written: string, value: string, start: number, step: Step): readonly number[] | undefined {
  const offsets: number[] = [];
  let at = start;
  for (const wanted of value) {
    at = skipped(written, at, wanted);
    const length = step(written, at, wanted);
    if (length === undefined) {
      // A block's last line end may be missing in the file.
      if (wanted === "\n" && at >= written.length) break;
      return undefined;
    }
    for (let unit = 0; unit < wanted.length; unit++) offsets.push(at);
    at += length;
  }
  while (offsets.length <= value.length) offsets.push(Math.min(at, written.length));
  return offsets;
}

/** Past what the file has between two characters of the value: indentation, and line ends that folding took away. */
function skipped(written: string, at: number, wanted: string): number {
  if (wanted === " " || wanted === "\n" || wanted === "\t")
    return atLineStart(written, at) ? pastIndent(written, at) : at;
  let next = at;
  while (/\s/.test(written[next] ?? "") && written[next] !== wanted) next += 1;
  return next;
}

function atLineStart(written: string, at: number): boolean {
  return written[at - 1] === "\n";
}

function pastIndent(written: string, at: number): number {
  let next = at;
  while (written[next] === " ") next += 1;
  return written[next] === "\n" ? next : at;
}

function stepPlain(written: string, at: number, wanted: string): number | undefined {
  if (written.startsWith(wanted, at)) return wanted.length;
  // A folded line end is a blank.
  if (wanted === " " && /[\r\n]/.test(written[at] ?? "")) return 1;
  return wanted === "\n" && written.startsWith("\r\n", at) ? 2 : undefined;
}

function stepSingle(written: string, at: number, wanted: string): number | undefined {
  return wanted === "'" ? (written.startsWith("''", at) ? 2 : undefined) : stepPlain(written, at, wanted);
}

function stepDouble(written: string, at: number, wanted: string): number | undefined {
  if (written[at] !== "\\") return stepPlain(written, at, wanted);
  const letter = written[at + 1] ?? "";
  return 2 + (escapes[letter] ?? 0);
}
