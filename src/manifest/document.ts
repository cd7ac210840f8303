import { Composer, Parser, type Document } from "yaml";
import { messageOf } from "../shared/errors.ts";
import { NodeReader, type Spot, type Spots } from "./node-reader.ts";
import type { Problem } from "./problem.ts";
import { isRecord } from "./record.ts";
import { offsetsIn } from "./scalar-offsets.ts";
import { SourceText, type Range } from "./source-text.ts";

const none: Spots = new Map();

export type Path = readonly (string | number)[];

const mostOpenBrackets = 500;
/** Lists in lists in lists, opened in one line. */
const manyDashes = /^[ \t]*(?:[-?:][ \t]+){100}/m;
const mostErrors = 500;

/** A YAML document that knows where in its file everything stands. */
export class Source {
  readonly #text: SourceText;
  readonly #value: unknown;
  readonly #spots: ReadonlyMap<object, Spots>;
  readonly #range: Range;

  constructor(
    text: SourceText,
    spots: ReadonlyMap<object, Spots>,
    root: { readonly value: unknown; readonly range: Range },
  ) {
    this.#text = text;
    this.#spots = spots;
    this.#value = root.value;
    this.#range = [root.range[0], root.range[0] + 1];
  }

  /** The same file with another value under a key at its top; `made`: where the entries of maps were written that aren't the file's own. */
  with(key: string, value: unknown, made: ReadonlyMap<object, Spots>): Source {
    const root = { ...(isRecord(this.#value) ? this.#value : {}), [key]: value };
    const rootSpots = isRecord(this.#value) ? this.spots(this.#value) : none;
    const spots = new Map([...this.#spots, ...made, [root, rootSpots]]);
    return new Source(this.#text, spots, { value: root, range: this.#range });
  }

  /** Where the entries of a map or list were written; none of one that isn't this file's. */
  spots(holder: object): Spots {
    return this.#spots.get(holder) ?? none;
  }

  /** At the key that `path` ends with (a list's entry has none: at the entry). */
  problemAtKey(path: Path, message: string): Problem {
    return this.#text.problemAt(this.#spot(path)?.key ?? this.#valueRange(path), message);
  }

  /** At the value that `path` names; at what holds it when there is none. */
  problemAtValue(path: Path, message: string): Problem {
    return this.#text.problemAt(this.#valueRange(path), message);
  }

  /** Within the text that `path` names, from the `start`th of its characters; at all of it where the file has them otherwise. */
  problemWithin(path: Path, [start, end]: Range, message: string): Problem {
    const range = this.#valueRange(path);
    const value = this.#valueAt(path);
    const offsets = typeof value === "string" ? offsetsIn(this.#text.slice(range), value) : undefined;
    const first = offsets?.[start];
    const last = offsets?.[Math.max(start, end - 1)];
    if (first === undefined || last === undefined) return this.#text.problemAt(range, message);
    return this.#text.problemAt([range[0] + first, range[0] + last + 1], message);
  }

  /** A scalar as it was written: 1.10 stays "1.10". */
  written(path: Path, value: string | number | boolean): string {
    return typeof value === "string" ? value : (this.#spot(path)?.written ?? String(value));
  }

  /** A map's keys in the file's order, which an object doesn't keep for keys such as "10". */
  keys(path: Path): readonly string[] {
    const map = this.#valueAt(path);
    return typeof map === "object" && map !== null ? [...this.spots(map).keys()].map(String) : [];
  }

  #valueAt(path: Path): unknown {
    let value = this.#value;
    for (const key of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
      value = Reflect.get(value, key);
    }
    return value;
  }

  #spot(path: Path): Spot | undefined {
    const last = path.at(-1);
    const holder = this.#valueAt(path.slice(0, -1));
    if (last === undefined || typeof holder !== "object" || holder === null) return undefined;
    return this.#spots.get(holder)?.get(last);
  }

  #valueRange(path: Path): Range {
    for (let length = path.length; length > 0; length--) {
      const spot = this.#spot(path.slice(0, length));
      if (spot !== undefined) return spot.value;
    }
    return this.#range;
  }
}

export interface Read {
  readonly source: Source;
  readonly value: unknown;
  /** Wrong in themselves, though the value can be checked further. */
  readonly problems: readonly Problem[];
}

/** YAML to plain values, or what is wrong with the YAML. One document, no bombs. */
export function readDocument(text: string, file: string): Read | { readonly problems: readonly Problem[] } {
  const lines = new SourceText(file, text);
  const open = firstTooDeep(text);
  if (open !== undefined) return { problems: [lines.problemAt([open, open + 1], "nested too deeply")] };
  const documents = compose(text);
  if (typeof documents === "string") return { problems: [lines.problemAt([0, 1], documents)] };
  const syntax = documents.flatMap((document, index) => syntaxProblems(document, index, lines));
  const [document] = documents;
  if (document === undefined || syntax.length > 0) return { problems: syntax };
  if (document.contents === null)
    return { problems: [lines.problemAt([0, 1], "the manifest is empty; it needs at least stages")] };
  const reader = new NodeReader(lines);
  const root = reader.read(document.contents, 0, [0, 1]);
  const problems = [...reader.problems, ...unknownTags(document, lines)];
  if (reader.isBroken) return { problems };
  return { source: new Source(lines, reader.spots, root), value: root.value, problems };
}

/** At most two documents: the second is one too many already. A text instead: why there is none. */
export function compose(text: string): readonly Document.Parsed[] | string {
  const composer = new Composer({
    logLevel: "error",
    prettyErrors: false,
    uniqueKeys: false,
    version: "1.2",
  });
  try {
    const documents: Document.Parsed[] = [];
    for (const document of composer.compose(new Parser().parse(text), true, text.length)) {
      if (documents.push(document) === 2) break;
    }
    return documents;
  } catch (error) {
    return error instanceof RangeError ? "nested too deeply" : plain(messageOf(error));
  }
}

function syntaxProblems(document: Document.Parsed, index: number, lines: SourceText): Problem[] {
  const [start] = document.range;
  if (index > 0) return [lines.problemAt([start, start + 1], "a second document; a manifest is one")];
  return document.errors.slice(0, mostErrors).map(({ pos, message }) => lines.problemAt(pos, plain(message)));
}

/** GitLab's `!reference [a, script]` would be read as two commands. */
function unknownTags(document: Document.Parsed, lines: SourceText): Problem[] {
  return document.warnings
    .filter(({ code }) => code === "TAG_RESOLVE_FAILED")
    .slice(0, mostErrors)
    .map(({ pos, message }) => lines.problemAt(pos, `${plain(message)}; a manifest has no tags of its own`));
}

/** The parser would be slow to say so. Brackets in a string count as well, so the limits are far from what people write. */
export function firstTooDeep(text: string): number | undefined {
  let depth = 0;
  for (const { 0: bracket, index } of text.matchAll(/[[\]{}]/g)) {
    depth = bracket === "[" || bracket === "{" ? depth + 1 : Math.max(0, depth - 1);
    if (depth > mostOpenBrackets) return index;
  }
  return manyDashes.exec(text)?.index;
}

/** The parser's sentence in our form. */
function plain(message: string): string {
  const [first = ""] = message.split("\n");
  return `YAML: ${first.charAt(0).toLowerCase()}${first.slice(1)}`.slice(0, 300);
}
