import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Node,
} from "yaml";
import { messageOf } from "../shared/errors.ts";
import type { Problem } from "./problem.ts";

export type Path = readonly (string | number)[];
type Range = readonly [start: number, end: number];

const mostAliases = 50;
const deepest = 32;
const mostOpenBrackets = 500;

/** A YAML document that knows where in its file everything stands. */
export class Source {
  readonly #file: string;
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #document: Document;

  constructor(file: string, text: string, lines: LineCounter, document: Document) {
    this.#file = file;
    this.#text = text;
    this.#lines = lines;
    this.#document = document;
  }

  /** At the key that `path` ends with (a list's entry has none: at the entry). */
  problemAtKey(path: Path, message: string): Problem {
    return this.problemAt(this.#keyRange(path) ?? this.#valueRange(path), message);
  }

  /** At the value that `path` names; at what is nearest to it when it comes from elsewhere, by a merge. */
  problemAtValue(path: Path, message: string): Problem {
    return this.problemAt(this.#valueRange(path), message);
  }

  problemAt([start, end]: Range, message: string): Problem {
    return problemAt(this.#file, this.#text, this.#lines, { start, end, message });
  }

  /** A scalar as it was written: 1.10 stays "1.10". */
  written(path: Path, value: string | number | boolean): string {
    const node = this.#node(path);
    if (isScalar(node) && node.type === "PLAIN" && node.source !== undefined) return node.source;
    return String(value);
  }

  #node(path: Path): Node | undefined {
    let node: unknown = this.#document.contents;
    for (const key of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (!isMap(node) && !isSeq(node)) return undefined;
      node = node.get(key, true);
    }
    return isNode(node) ? node : undefined;
  }

  #keyRange(path: Path): Range | undefined {
    const parent = this.#node(path.slice(0, -1));
    const map = isAlias(parent) ? parent.resolve(this.#document) : parent;
    if (!isMap(map)) return undefined;
    const pair = map.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(path.at(-1)),
    );
    return isNode(pair?.key) ? rangeOf(pair.key) : undefined;
  }

  #valueRange(path: Path): Range {
    for (let length = path.length; length > 0; length--) {
      const part = path.slice(0, length);
      const node = this.#node(part);
      const range = node === undefined ? this.#keyRange(part) : rangeOf(node);
      if (range !== undefined) return range;
    }
    return [0, 1];
  }
}

export interface Read {
  readonly source: Source;
  readonly value: unknown;
}

/** YAML to plain values, or what is wrong with the YAML. One document, no bombs, no duplicate keys. */
export function readDocument(text: string, file: string): Read | { readonly problems: readonly Problem[] } {
  const lines = new LineCounter();
  const at = (start: number, end: number, message: string): Problem =>
    problemAt(file, text, lines, { start, end, message });
  const open = firstTooDeep(text);
  if (open !== undefined) return { problems: [at(open, open + 1, "nested too deeply")] };
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      merge: true,
      prettyErrors: false,
      version: "1.2",
    });
    const [document, second] = Array.isArray(documents) ? documents : [];
    if (document === undefined)
      return { problems: [at(0, 1, "the manifest is empty; it needs at least stages")] };
    if (second !== undefined) {
      return { problems: [at(second.range[0], second.range[0] + 1, "a second document; a manifest is one")] };
    }
    if (document.errors.length > 0) {
      return {
        problems: document.errors.map(({ pos: [start, end], message }) => at(start, end, plain(message))),
      };
    }
    const value: unknown = document.toJS({ maxAliasCount: mostAliases });
    if (isDeeperThan(deepest, value))
      return { problems: [at(0, 1, "nested too deeply, or a part of itself")] };
    return { source: new Source(file, text, lines, document), value };
  } catch (error) {
    const message = error instanceof RangeError ? "nested too deeply" : plain(messageOf(error));
    return { problems: [at(0, 1, message)] };
  }
}

/** The parser would be slow to say so. A bracket in a string counts as well, so the limit is far from what people write. */
function firstTooDeep(text: string): number | undefined {
  let depth = 0;
  for (const { 0: bracket, index } of text.matchAll(/[[\]{}]/g)) {
    depth = bracket === "[" || bracket === "{" ? depth + 1 : Math.max(0, depth - 1);
    if (depth > mostOpenBrackets) return index;
  }
  return undefined;
}

/** Also how a value that holds itself, by an alias, is found. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeperThan(levels - 1, each));
}

interface Spot {
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

function problemAt(file: string, text: string, lines: LineCounter, { start, end, message }: Spot): Problem {
  const { line, col } = lines.linePos(start);
  const lineStart = start - Math.max(0, col - 1);
  const lineEnd = text.indexOf("\n", start);
  const source = text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd).replace(/\r$/, "");
  const length = Math.max(1, Math.min(end, lineStart + source.length) - start);
  return { file, line: Math.max(1, line), column: Math.max(1, col), length, message, source };
}

function rangeOf(node: Node): Range | undefined {
  const { range } = node;
  return range === null || range === undefined ? undefined : [range[0], range[1]];
}

/** The parser's sentence in our form. */
function plain(message: string): string {
  const [first = ""] = message.split("\n");
  return `YAML: ${first.charAt(0).toLowerCase()}${first.slice(1)}`.slice(0, 300);
}
