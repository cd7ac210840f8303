import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Alias,
  type Node,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Problem } from "./problem.ts";
import type { Range, SourceText } from "./source-text.ts";
import { nearest } from "./suggest.ts";

const deepest = 32;
const mostByAliases = 100_000;

/** Where an entry of a map or list stands; of one that came by an alias or a merge, where it was written. */
export interface Spot {
  readonly key: Range | undefined;
  readonly value: Range;
  /** Of a plain scalar, its text: 1.10 stays "1.10". */
  readonly written: string | undefined;
}

export type Spots = ReadonlyMap<string | number, Spot>;

interface Reading {
  readonly value: unknown;
  readonly range: Range;
  readonly written?: string | undefined;
  /** Levels of maps and lists in it. */
  readonly height: number;
  /** Values in it, aliases followed. */
  readonly size: number;
}

interface Entry {
  readonly reading: Reading;
  readonly key: Range | undefined;
  readonly isMerged: boolean;
}

/**
 * YAML nodes to plain values: maps without a prototype, lists, scalars. Each node is read once and what an alias
 * names is shared, so that the work grows with the file and not with what its aliases unfold to.
 */
export class NodeReader {
  readonly problems: Problem[] = [];
  /** The entries of every map and list read, in the file's order. */
  readonly spots = new Map<object, Spots>();
  readonly #text: SourceText;
  /** What an anchor names; undefined while that is being read. */
  readonly #anchors = new Map<string, Reading | undefined>();
  #byAliases = 0;
  #isBroken = false;

  constructor(text: SourceText) {
    this.#text = text;
  }

  /** True when the value can't be trusted for further checks. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  read(node: unknown, depth: number, near: Range): Reading {
    if (isAlias(node)) return this.#alias(node, depth);
    if (!isNode(node)) return { value: null, range: near, height: 0, size: 1 };
    const anchor = "anchor" in node && typeof node.anchor === "string" ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const reading = this.#content(node, depth, rangeOf(node) ?? near);
    if (anchor !== undefined) this.#anchors.set(anchor, reading);
    return reading;
  }

  #content(node: Node, depth: number, range: Range): Reading {
    if (isScalar(node)) return this.#scalar(node, range);
    if (depth >= deepest) return this.#broken(range, "nested too deeply");
    if (isMap(node)) return this.#map(node, depth + 1, range);
    if (isSeq(node)) return this.#list(node.items, depth + 1, range);
    return this.#broken(range, "nothing that a manifest can hold");
  }

  #scalar({ value, type, source }: Scalar, range: Range): Reading {
    if (value !== null && !["string", "number", "boolean"].includes(typeof value)) {
      return this.#broken(range, "a manifest holds maps, lists, texts, numbers, true and false only");
    }
    if (typeof value === "string" && value.includes("\0"))
      this.#problem(range, "a NUL character can't stand here");
    return { value, range, written: type === "PLAIN" ? source : undefined, height: 0, size: 1 };
  }

  #list(items: readonly unknown[], depth: number, range: Range): Reading {
    const readings = items.map((item) => this.read(item, depth, range));
    const value = readings.map((reading) => reading.value);
    this.spots.set(
      value,
      new Map(readings.map((reading, index) => [index, spotOf({ reading, key: undefined })])),
    );
    return { value, range, ...extent(readings) };
  }

  #map(map: YAMLMap, depth: number, range: Range): Reading {
    const entries = new Map<string, Entry>();
    const readings: Reading[] = [];
    for (const { key, value } of map.items) {
      const named = this.read(key, depth, range);
      const reading = this.read(value, depth, named.range);
      readings.push(named, reading);
      if (isMergeKey(key)) this.#merge(entries, reading);
      else this.#enter(entries, named, reading);
    }
    const value: Record<string, unknown> = Object.create(null);
    for (const [key, { reading }] of entries) value[key] = reading.value;
    this.spots.set(value, new Map([...entries].map(([key, entry]) => [key, spotOf(entry)])));
    return { value, range, ...extent(readings) };
  }

  #enter(entries: Map<string, Entry>, named: Reading, reading: Reading): void {
    if (typeof named.value === "object" && named.value !== null) {
      this.#problem(named.range, "a key must be a text");
      return;
    }
    const key = named.written ?? String(named.value);
    const earlier = entries.get(key);
    if (earlier?.key !== undefined && !earlier.isMerged) {
      const { line } = this.#text.problemAt(earlier.key, "");
      this.#problem(named.range, `the key "${key}" stands here twice; line ${String(line)} has it first`);
      return;
    }
    entries.set(key, { reading, key: named.range, isMerged: false });
  }

  /** What the map says itself wins, wherever it stands; of several merged maps the first. */
  #merge(entries: Map<string, Entry>, { value, range }: Reading): void {
    const sources: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const source of sources) {
      const spots = isMapValue(source) ? this.spots.get(source) : undefined;
      if (!isMapValue(source) || spots === undefined) {
        if (value !== null || !this.#isBroken) this.#problem(range, `"<<" takes a map or a list of maps`);
        return;
      }
      for (const [name, spot] of spots) {
        const key = String(name);
        if (entries.has(key)) continue;
        const reading = { value: source[key], range: spot.value, written: spot.written, height: 0, size: 1 };
        entries.set(key, { reading, key: spot.key, isMerged: true });
      }
    }
  }

  #alias(alias: Alias, depth: number): Reading {
    const range = rangeOf(alias) ?? [0, 1];
    const named = this.#anchors.get(alias.source);
    if (named === undefined) return this.#broken(range, this.#noAnchor(alias.source));
    if (depth + named.height > deepest) return this.#broken(range, "nested too deeply");
    this.#byAliases += named.size;
    if (this.#byAliases <= mostByAliases) return { ...named, range };
    if (this.#byAliases - named.size > mostByAliases) return { value: null, range, height: 0, size: 1 };
    return this.#broken(range, `aliases unfold to more than ${String(mostByAliases)} values`);
  }

  #noAnchor(name: string): string {
    if (this.#anchors.has(name)) return `the alias "*${name}" stands within what it names: a part of itself`;
    const meant = nearest(name, [...this.#anchors.keys()].slice(0, 100));
    const hint = meant === undefined ? "" : `; did you mean "*${meant}"?`;
    return `the alias "*${name}" names nothing: no "&${name}" stands before it${hint}`;
  }

  #problem(range: Range, message: string): void {
    this.problems.push(this.#text.problemAt(range, message));
  }

  #broken(range: Range, message: string): Reading {
    this.#isBroken = true;
    this.#problem(range, message);
    return { value: null, range, height: 0, size: 1 };
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.source === "<<";
}

function isMapValue(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function spotOf({ reading, key }: Pick<Entry, "reading" | "key">): Spot {
  return { key, value: reading.range, written: reading.written };
}

function extent(readings: readonly Reading[]): { readonly height: number; readonly size: number } {
  let height = 0;
  let size = 1;
  for (const reading of readings) {
    height = Math.max(height, reading.height);
    size += reading.size;
  }
  return { height: height + 1, size };
}

function rangeOf({ range }: Node): Range | undefined {
  return range === null || range === undefined ? undefined : [range[0], range[1]];
}
