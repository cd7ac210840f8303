/** Something of the input that the result doesn't have. */
export interface Note {
  readonly file: string;
  readonly line: number;
  /** The key, as people name it: "cache.untracked". */
  readonly what: string;
  /** What to do instead, or why nothing need be done. */
  readonly instead: string;
  /** The stage to which it belongs; undefined: to all. */
  readonly stage: string | undefined;
}

const longest = 300;

/** On one line, safe for a terminal and for a YAML comment, whatever the input holds. */
export function renderNote({ file, line, what, instead }: Note): string {
  return plain(`${file}:${line}: ${what}: ${instead}`);
}

function plain(text: string): string {
  const safe = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ");
  return safe.length > longest ? `${safe.slice(0, longest).toWellFormed()}…` : safe;
}
