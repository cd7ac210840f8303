import { isSeq, Scalar, visit, type Document } from "yaml";
import { compose, firstTooDeep, type Path } from "../document.ts";
import { NodeReader, type Spot } from "../node-reader.ts";
import type { Problem } from "../problem.ts";
import { SourceText } from "../source-text.ts";
import type { Note } from "./notes.ts";

/** What stands first in a list that had GitLab's tag !reference. */
export const reference = "!reference";

const mostNotes = 2000;

/**
 * A file to be imported, and what became of each of its keys. A key that no one has taken when all is done is noted, so that
 * nothing is dropped in silence.
 */
export class Tree {
  readonly file: string;
  readonly notes: Note[] = [];
  readonly #source: string;
  readonly #text: SourceText;
  readonly #reader: NodeReader;
  readonly #value: unknown;
  /** Of keys, where they stand in the file. */
  readonly #taken = new Set<number>();
  readonly #owners = new Map<string, string>();

  constructor(file: string, source: string, reader: NodeReader, value: unknown) {
    this.file = file;
    this.#source = source;
    this.#text = new SourceText(file, source);
    this.#reader = reader;
    this.#value = value;
    for (const { line, message } of reader.problems) this.addNote(line, "YAML", message, undefined);
  }

  get root(): Item {
    return new Item(this, [], this.#value, undefined);
  }

  /** From now on, notes of what lies below `item` belong to a stage. */
  own(item: Item, stage: string): void {
    this.#owners.set(JSON.stringify(item.path), stage);
  }

  spotsOf(holder: object): ReadonlyMap<string | number, Spot> {
    return this.#reader.spots.get(holder) ?? new Map<string | number, Spot>();
  }

  take(spot: Spot | undefined): void {
    if (spot?.key !== undefined) this.#taken.add(spot.key[0]);
  }

  isTaken(spot: Spot | undefined): boolean {
    return spot?.key === undefined || this.#taken.has(spot.key[0]);
  }

  lineOf(spot: Spot | undefined): number {
    return this.#text.problemAt(spot?.key ?? spot?.value ?? [0, 1], "").line;
  }

  /** Where a text stands for the first time; 1 when it doesn't. */
  firstLineWith(text: string): number {
    const at = this.#source.indexOf(text);
    return at === -1 ? 1 : this.#text.problemAt([at, at + 1], "").line;
  }

  note(item: Item, what: string, instead: string): void {
    if (this.notes.length > mostNotes) return;
    this.addNote(this.lineOf(item.spot), what, instead, this.#ownerOf(item.path));
  }

  addNote(line: number, what: string, instead: string, stage: string | undefined): void {
    if (this.notes.length < mostNotes) this.notes.push({ file: this.file, line, what, instead, stage });
    else if (this.notes.length === mostNotes) {
      const rest = "there is more than can be listed: nothing from here on has been looked at";
      this.notes.push({ file: this.file, line, what: "the rest", instead: rest, stage: undefined });
    }
  }

  #ownerOf(path: Path): string | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const owner = this.#owners.get(JSON.stringify(path.slice(0, length)));
      if (owner !== undefined) return owner;
    }
    return undefined;
  }

  /** Notes every key that nobody has taken, the outermost only. */
  sweep(): void {
    const seen = new Set<object>();
    const visitItem = (item: Item): void => {
      if (typeof item.value !== "object" || item.value === null || seen.has(item.value)) return;
      seen.add(item.value);
      for (const child of item.children()) {
        if (this.isTaken(child.spot)) visitItem(child);
        else child.leave("there is no equal");
      }
    };
    visitItem(this.root);
  }
}

/** A value of the file, and where it stands. */
export class Item {
  readonly tree: Tree;
  readonly path: Path;
  readonly value: unknown;
  readonly spot: Spot | undefined;

  constructor(tree: Tree, path: Path, value: unknown, spot: Spot | undefined) {
    this.tree = tree;
    this.path = path;
    this.value = value;
    this.spot = spot;
  }

  get isMap(): boolean {
    return typeof this.value === "object" && this.value !== null && !Array.isArray(this.value);
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  /** As it was written: 1.10 stays "1.10". undefined for what is no text, number or boolean. */
  get text(): string | undefined {
    if (typeof this.value === "string") return this.value;
    const isScalar = typeof this.value === "number" || typeof this.value === "boolean";
    return isScalar ? (this.spot?.written ?? String(this.value)) : undefined;
  }

  get key(): string {
    return String(this.path.at(-1) ?? "");
  }

  /** Of a map or a list, in the file's order. Takes nothing. */
  children(): readonly Item[] {
    if (typeof this.value !== "object" || this.value === null) return [];
    const spots = this.tree.spotsOf(this.value);
    return [...spots].map(([key, spot]) => this.#child(key, spot));
  }

  /** Of a map: the value under a key, which then counts as carried over. */
  take(key: string): Item | undefined {
    if (!this.isMap || typeof this.value !== "object" || this.value === null) return undefined;
    const spot = this.tree.spotsOf(this.value).get(key);
    if (spot === undefined) return undefined;
    this.tree.take(spot);
    return this.#child(key, spot);
  }

  has(key: string): boolean {
    return typeof this.value === "object" && this.value !== null && this.tree.spotsOf(this.value).has(key);
  }

  /** One, or each of a list, lists in it unfolded. */
  list(): readonly Item[] {
    return this.isList ? this.children().flatMap((child) => child.list()) : [this];
  }

  /** It and all below counts as carried over. */
  takeAll(): this {
    this.tree.take(this.spot);
    for (const child of this.children()) child.takeAll();
    return this;
  }

  /** It and all below isn't carried over, and is noted. */
  leave(instead: string, what = this.#name()): undefined {
    this.tree.note(this, what, instead);
    this.takeAll();
    return undefined;
  }

  #name(): string {
    const names = this.path.filter((part) => typeof part === "string");
    return names.slice(-2).join(".") || "the file";
  }

  #child(key: string | number, spot: Spot): Item {
    const value: unknown =
      typeof this.value === "object" && this.value !== null ? Reflect.get(this.value, key) : undefined;
    return new Item(this.tree, [...this.path, key], value, spot);
  }
}

/** The files' documents as a tree, or why they can't be read. */
export function readTree(text: string, file: string): Tree | readonly Problem[] {
  const lines = new SourceText(file, text);
  const open = firstTooDeep(text);
  if (open !== undefined) return [lines.problemAt([open, open + 1], "nested too deeply")];
  const documents = compose(text);
  if (typeof documents === "string") return [lines.problemAt([0, 1], documents)];
  const errors = documents.flatMap((document) => document.errors).slice(0, 100);
  if (errors.length > 0) return errors.map(({ pos, message }) => lines.problemAt(pos, firstLine(message)));
  const [first, second] = documents;
  const document = second !== undefined && isHeader(first) ? second : first;
  if (document === undefined || document.contents === null)
    return [lines.problemAt([0, 1], "the file is empty")];
  markReferences(document);
  const reader = new NodeReader(lines);
  const { value } = reader.read(document.contents, 0, [0, 1]);
  if (reader.isBroken) return reader.problems;
  const tree = new Tree(file, text, reader, value);
  noteDocuments(tree, lines, [first, second], document);
  return tree;
}

function firstLine(message: string): string {
  return `YAML: ${message.split("\n")[0] ?? ""}`.slice(0, 300);
}

/** What GitLab's components have before their jobs. */
function isHeader(document: Document.Parsed | undefined): boolean {
  return document?.has("spec") === true;
}

function markReferences(document: Document.Parsed): void {
  visit(document, {
    Seq(_, node) {
      if (node.tag === reference && isSeq(node)) node.items.unshift(new Scalar(reference));
    },
  });
}

function noteDocuments(
  tree: Tree,
  lines: SourceText,
  documents: readonly (Document.Parsed | undefined)[],
  taken: Document.Parsed,
): void {
  for (const document of documents) {
    if (document === undefined || document === taken) continue;
    const [start] = document.range;
    tree.addNote(
      lines.problemAt([start, start + 1], "").line,
      "a second document",
      "a manifest is one document",
      undefined,
    );
  }
  for (const { code, pos, message } of taken.warnings.slice(0, 100)) {
    if (code !== "TAG_RESOLVE_FAILED" || message.includes(reference)) continue;
    tree.addNote(lines.problemAt(pos, "").line, "a tag", "its value is taken without it", undefined);
  }
}
