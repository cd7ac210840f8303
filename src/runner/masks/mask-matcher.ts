import { longestPattern, shortestMasked } from "./mask-forms.ts";

/** Beginning and end of a part of a text. */
export type Span = readonly [number, number];

/** Patterns with the same first four characters. */
interface Bucket {
  readonly patterns: Set<string>;
  /** Of the patterns, longest first. */
  lengths: readonly number[];
}

const wordLength = shortestMasked;
const filterBits = 18;
const longestStride = 16;

/**
 * Finds many patterns in much text. At each sixteenth place four characters are hashed into a table of those that stand near
 * the beginning of a pattern; hardly any place passes, and what does is looked at in earnest. The shorter the shortest
 * pattern, the more places must be looked at: each one for one of four characters.
 */
export class Matcher {
  readonly #buckets = new Map<number, Bucket>();
  /** The first one, two and three characters of the patterns. */
  readonly #starts = new Set<string>();
  readonly #filter = new Uint8Array(2 ** filterBits);
  #stride = longestStride;
  #spansLines = false;

  get isEmpty(): boolean {
    return this.#buckets.size === 0;
  }

  /** Each 4 to 64 characters. */
  add(patterns: Iterable<string>): void {
    for (const pattern of patterns) this.#add(pattern);
  }

  #add(pattern: string): void {
    const key = hashAt(pattern, 0);
    const bucket = this.#buckets.get(key) ?? { patterns: new Set<string>(), lengths: [] };
    this.#buckets.set(key, bucket);
    bucket.patterns.add(pattern);
    if (!bucket.lengths.includes(pattern.length))
      bucket.lengths = [...bucket.lengths, pattern.length].toSorted((one, other) => other - one);
    for (let length = 1; length < wordLength; length++) this.#starts.add(pattern.slice(0, length));
    this.#spansLines ||= pattern.includes("\n");
    const places = Math.min(longestStride, pattern.length - wordLength + 1);
    this.#stride = Math.min(this.#stride, places);
    for (let at = 0; at < places; at++) this.#filter[hashAt(pattern, at) >>> (32 - filterBits)] = 1;
  }

  /** The parts that patterns cover, in order; those that touch are one. */
  find(text: string): Span[] {
    const spans: [number, number][] = [];
    const filter = this.#filter;
    const step = this.#stride;
    const last = text.length - wordLength;
    let next = 0;
    for (let at = step - 1; at <= last; at += step) {
      if (filter[hashAt(text, at) >>> (32 - filterBits)] === 0) continue;
      for (let start = Math.max(next, at - step + 1); start <= at; start++) this.#collect(spans, text, start);
      next = at + 1;
    }
    return spans;
  }

  #collect(spans: [number, number][], text: string, start: number): void {
    const length = this.#longestAt(text, start);
    if (length === 0) return;
    const previous = spans.at(-1);
    if (previous === undefined || start > previous[1]) spans.push([start, start + length]);
    else previous[1] = Math.max(previous[1], start + length);
  }

  #longestAt(text: string, start: number): number {
    const bucket = this.#buckets.get(hashAt(text, start));
    if (bucket === undefined) return 0;
    const fits = (length: number): boolean =>
      start + length <= text.length && bucket.patterns.has(text.slice(start, start + length));
    return bucket.lengths.find(fits) ?? 0;
  }

  /** Where the longest end of the text begins that may yet become a pattern; the text's length when there's none. */
  unfinishedFrom(text: string): number {
    const line = this.#spansLines ? 0 : text.lastIndexOf("\n") + 1;
    for (let at = Math.max(line, text.length - longestPattern + 1); at < text.length; at++) {
      if (this.#isBeginning(text.slice(at))) return at;
    }
    return text.length;
  }

  #isBeginning(tail: string): boolean {
    if (tail.length < wordLength) return this.#starts.has(tail);
    const bucket = this.#buckets.get(hashAt(tail, 0));
    if (bucket === undefined) return false;
    for (const pattern of bucket.patterns) {
      if (pattern.length > tail.length && pattern.startsWith(tail)) return true;
    }
    return false;
  }
}

/** Of the four characters at `at`; the upper bits are the well mixed ones. */
function hashAt(text: string, at: number): number {
  const word =
    text.charCodeAt(at) ^
    (text.charCodeAt(at + 1) << 8) ^
    (text.charCodeAt(at + 2) << 16) ^
    (text.charCodeAt(at + 3) << 24);
  return Math.imul(word, 0x9e3779b1) >>> 0;
}
