/** What could move a terminal's cursor or turn the reading order round: control characters and bidi overrides. */
const unsafe = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

const maxQuotedLength = 60;

/** A stranger's text as one line that is safe on a terminal: unsafe characters as `\xNN` or `\u{NNNN}`. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** The same for text of several lines: line ends and tabs stay. */
export function printableLines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.split("\t").map(printable).join("\t"))
    .join("\n");
}

/** A word of the command line in a message: quoted, safe and not endless. */
export function quoted(word: string): string {
  const characters = word.length > maxQuotedLength ? `${word.slice(0, maxQuotedLength)}…` : word;
  return `"${printable(characters)}"`;
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
