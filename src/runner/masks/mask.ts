import { patternsOf, shortestMasked } from "./mask-forms.ts";
import { Matcher, type Span } from "./mask-matcher.ts";

/** What stands in a secret's place. */
export const masked = "[MASKED]";

/** The secrets of one run, and what becomes of a text that holds one. Everything that leaves a run passes here. */
export class Mask {
  readonly #matcher = new Matcher();

  /** False when it's too short to be masked. */
  add(secret: string): boolean {
    const patterns = patternsOf(secret);
    this.#matcher.add(patterns);
    return patterns.size > 0;
  }

  get isEmpty(): boolean {
    return this.#matcher.isEmpty;
  }

  /** The text without secrets, however they're encoded. */
  text(text: string): string {
    const spans = this.find(text);
    return spans.length === 0 ? text : replaced(text, spans);
  }

  /** Where secrets stand, in order. */
  find(text: string): readonly Span[] {
    return this.isEmpty ? [] : this.#matcher.find(text);
  }

  /** Where an end of the text begins that may be the beginning of a secret; the text's length when there's none. */
  unfinishedFrom(text: string): number {
    return this.isEmpty ? text.length : this.#matcher.unfinishedFrom(text);
  }
}

/** What the log says once of secrets that it can't keep: nobody should find out by reading one. */
export function unmaskedWarning(names: readonly string[]): string {
  return `secrets of fewer than ${String(shortestMasked)} characters aren't masked: ${names.join(", ")}`;
}

function replaced(text: string, spans: readonly Span[]): string {
  let from = 0;
  let out = "";
  for (const [start, end] of spans) {
    out += text.slice(from, start) + masked;
    from = end;
  }
  return out + text.slice(from);
}
