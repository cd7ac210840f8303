import { nearest } from "./suggest.ts";

const mostHints = 20;

/** "; did you mean …?". To compare with hundreds of names takes time: only the first few words get a hint. */
export class Hints {
  readonly #known: readonly string[];
  readonly #given = new Map<string, string>();

  constructor(known: readonly string[]) {
    this.#known = known;
  }

  for(word: string): string {
    const given = this.#given.get(word);
    if (given !== undefined || this.#given.size >= mostHints) return given ?? "";
    const meant = nearest(word, this.#known);
    const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
    this.#given.set(word, hint);
    return hint;
  }
}
