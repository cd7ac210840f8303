import { expect, test } from "bun:test";
import { Glob } from "bun";
import { join } from "node:path";
import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
} from "yaml";
import { type Dialect, dialects, importFiles } from "../../../../src/manifest/import/import.ts";

/*
 * Every key and every text of a file is in the manifest, or noted at its line or at the line of what holds it. Shown by changing
 * each of them, one at a time, to a word that stands nowhere else.
 */

const folder = join(import.meta.dir, "testdata");
const word = "Zq7w";

/** They decide the order of stages, and aren't found as they were written. */
const order = new Set(["stage", "stages", "types"]);

for (const dialect of dialects) {
  for (const name of [...new Glob("**/*.{yml,yaml}").scanSync(join(folder, dialect))].toSorted()) {
    test(`of ${dialect}'s ${name} no text is dropped in silence`, async () => {
      const source = await Bun.file(join(folder, dialect, name)).text();
      const places = textsIn(source);
      expect(places.length).toBeGreaterThan(0);
      const dropped = places.filter(([start, end]) => {
        return isDropped(source.slice(0, start) + word + source.slice(end), name, dialect);
      });
      expect(dropped.map(([start, end]) => source.slice(start - 20, end))).toEqual([]);
    });

    test(`of ${dialect}'s ${name} no key that is added is dropped in silence`, async () => {
      const source = await Bun.file(join(folder, dialect, name)).text();
      const dropped = mapsOf(parse(source).document).flatMap((_, index) => {
        const { document } = parse(source);
        mapsOf(document)[index]?.add({ key: word, value: `${word}-value` });
        const text = document.toString();
        return isDropped(text, name, dialect) ? [text] : [];
      });
      expect(dropped).toEqual([]);
    });
  }
}

function parse(text: string): { readonly document: Document.Parsed; readonly lines: LineCounter } {
  const lines = new LineCounter();
  return { document: parseDocument(text, { logLevel: "error", merge: true, lineCounter: lines }), lines };
}

function mapsOf(document: Document) {
  const maps: Extract<Node, { readonly items: unknown[] }>[] = [];
  visit(document, { Map: (_, map) => void maps.push(map) });
  return maps.filter(isMap);
}

/** Where plain and quoted texts stand that are values. */
function textsIn(source: string): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  visit(parse(source).document, {
    Scalar(key, node, path) {
      const isBlock = node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED";
      if (key === "key" || isBlock || node.source === "" || isOrder(path)) return;
      if (node.range) found.push([node.range[0], node.range[1]]);
    },
  });
  return found;
}

/** Notes that stand at a line without saying that something is left out there. */
const saysNothing = /^(its id here|nothing to do|.* hands all its files on)/;

function isOrder(path: readonly unknown[]): boolean {
  const holder = path.findLast((each) => isPair(each));
  return isPair(holder) && isScalar(holder.key) && order.has(String(holder.key.value));
}

function isDropped(text: string, file: string, dialect: Dialect): boolean {
  const result = importFiles([{ name: file, text }], dialect);
  if ("unreadable" in result) return false; // says so itself
  const manifest = result.text.replaceAll(/# not carried over.*$/gm, "");
  if (manifest.includes(word) || manifest.includes(word.toUpperCase())) return false;
  const around = linesAround(text);
  return !result.notes.some(
    (note) => !saysNothing.test(note.instead) && (around.has(note.line) || note.what.includes(word)),
  );
}

/** The lines of the word, of the keys that hold it, and of the entries of lists that do. */
function linesAround(text: string): ReadonlySet<number> {
  const { document, lines } = parse(text);
  const found = new Set<number>();
  const lineOf = (offset: number | undefined): void => {
    if (offset !== undefined) found.add(lines.linePos(offset).line);
  };
  visit(document, {
    Scalar(_, node, path) {
      if (!String(node.value).includes(word)) return;
      lineOf(node.range?.[0]);
      for (const each of path.slice(2)) {
        if (isPair(each) && isScalar(each.key)) lineOf(each.key.range?.[0]);
        if ((isMap(each) || isSeq(each)) && each.range) lineOf(each.range[0]);
      }
    },
  });
  return found;
}
