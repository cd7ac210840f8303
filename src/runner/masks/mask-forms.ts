import { base64Forms, hexForms, jsonForms, shellForms, urlForms, xmlForms } from "./mask-encodings.ts";

/** A shorter secret would shred every log. */
export const shortestMasked = 4;
/** No pattern is longer: a longer text is recognised by pieces. So what may have to be held back is no more than this. */
export const longestPattern = 64;
const lineEnd = /\r\n|\n|\r/;
/** Of a line before lines that are too short to be recognised by themselves. */
const contextLength = 32;

/**
 * All texts by which a secret is recognised, in plain and encoded, each 4 to 64 characters long; none for one that is
 * shorter. White space around a secret is no part of it, so that the line end of a file doesn't matter.
 */
export function patternsOf(secret: string): ReadonlySet<string> {
  const value = secret.trim();
  if (value.length < shortestMasked) return new Set();
  const forms = [...plainForms(value), ...encodedForms(value)];
  return new Set(forms.flatMap(piecesOf).filter((piece) => piece.length >= shortestMasked));
}

function encodedForms(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const lines = linesOf(value);
  return [
    ...base64Forms(bytes),
    ...hexForms(bytes),
    ...urlForms(value),
    ...jsonForms(value),
    // These leave line ends as they are: each line is encoded by itself.
    ...lines.flatMap(xmlForms),
    ...lines.flatMap(shellForms),
  ];
}

/** The value itself; one of several lines by each of them, since it may be printed with whatever between them. */
function plainForms(value: string): readonly string[] {
  const lines = value.split(lineEnd);
  if (lines.length === 1) return lines;
  if (!lines.some(isTelling)) return ["\n", "\r\n"].map((end) => lines.join(end));
  return [...linesOf(value), ...["\n", "\r\n"].flatMap((end) => shortLines(lines, end))];
}

/** Those that can be recognised by themselves; the only line of a secret always can. */
function linesOf(value: string): readonly string[] {
  const lines = value.split(lineEnd);
  return lines.length === 1 ? lines : lines.filter(isTelling).map((line) => line.trim());
}

/** Whether a line is long enough to be masked wherever it stands. Fences such as "-----BEGIN KEY-----" or "====" are no secrets. */
function isTelling(line: string): boolean {
  const text = line.trim();
  return text.length >= shortestMasked && /[\p{L}\p{N}]/u.test(text) && !/^-----[A-Z0-9 ]+-----$/.test(text);
}

/** Lines that are too short, each run of them with the end of the line before it. */
function shortLines(lines: readonly string[], end: string): readonly string[] {
  return lines.flatMap((line, index) => {
    const next = lines[index + 1];
    if (!isTelling(line) || next === undefined || isTelling(next)) return [];
    const after = lines.findIndex((other, at) => at > index && isTelling(other));
    const run = lines
      .slice(index + 1, after === -1 ? undefined : after)
      .filter((short) => !short.startsWith("-----"));
    const text = [line.slice(-contextLength), ...run].join(end).trimEnd();
    return run.length === 0 ? [] : [text.slice(0, longestPattern)];
  });
}

/** A long text as pieces that cover all of it, none beginning or ending within a character. */
function piecesOf(text: string): readonly string[] {
  if (text.length <= longestPattern) return [text];
  const pieces: string[] = [];
  const last = text.length - longestPattern;
  for (let at = 0; at < last + longestPattern; at += longestPattern) {
    const start = characterStart(text, Math.min(at, last));
    pieces.push(text.slice(start, characterStart(text, start + longestPattern)));
  }
  return pieces;
}

/** `at`, or one less when that is in the middle of a surrogate pair. */
function characterStart(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
