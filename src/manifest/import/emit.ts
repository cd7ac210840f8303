import { Document, isMap, isScalar, isSeq, type Node, Pair, Scalar, visit, YAMLMap } from "yaml";
import type { Draft, Keys } from "./draft.ts";
import { type Note, renderNote } from "./notes.ts";

const order = [
  "extends",
  "image",
  "shell",
  "needs",
  "rules",
  "when",
  "matrix",
  "services",
  "variables",
  "secrets",
  "working_directory",
  "before_script",
  "script",
  "after_script",
  "cache",
  "artifacts",
];
const commands = new Set(["script", "before_script", "after_script"]);
const longestLine = 80;

/** The manifest's text, with what wasn't carried over as comments at the stage it belongs to. */
export function emitManifest(draft: Draft, notes: readonly Note[], sources: readonly string[]): string {
  const document = new Document({});
  const root = new YAMLMap();
  document.contents = root;
  if (hasKeys(draft.default)) root.add(pair(document, "default", inOrder(draft.default)));
  if (hasKeys(draft.variables)) root.add(pair(document, "variables", draft.variables));
  const stages = new YAMLMap();
  for (const [id, keys] of draft.stages) {
    const entry = pair(document, id, inOrder(keys));
    const own = notes.filter(({ stage }) => stage === id).map(commentOf);
    if (own.length > 0 && isMap(entry.value)) commentFirst(entry.value, own);
    if (stages.items.length > 0 && isScalar(entry.key)) entry.key.spaceBefore = true;
    stages.add(entry);
  }
  const stagesKey = new Scalar("stages");
  stagesKey.spaceBefore = root.items.length > 0;
  root.add(new Pair(stagesKey, stages));
  shortenLists(document);
  const rest = notes.filter(({ stage }) => stage === undefined || !draft.stages.has(stage));
  return `${headOf(sources, rest)}\n${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
}

function headOf(sources: readonly string[], notes: readonly Note[]): string {
  const from = sources.map((source) => source.replaceAll(/[^\w./ -]/g, "?")).join(", ");
  const lines = [
    `# Made by \`gitfoss-ci-runner import\` from ${from}.`,
    ...notes.map((note) => `#${commentOf(note)}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function commentOf(note: Note): string {
  return ` not carried over: ${renderNote(note)}`;
}

function pair(document: Document, key: string, value: unknown): Pair<Scalar, Node> {
  return new Pair(new Scalar(key), document.createNode(value, { aliasDuplicateObjects: false }));
}

function commentFirst(map: YAMLMap, lines: readonly string[]): void {
  const [first] = map.items;
  if (first !== undefined && isScalar(first.key)) first.key.commentBefore = lines.join("\n");
  else map.commentBefore = lines.join("\n");
}

function shortenLists(document: Document): void {
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !isSeq(value) || commands.has(String(key.value))) return;
      const texts = value.items.map((item) => (isScalar(item) ? String(item.value) : undefined));
      const isShort =
        texts.every((text) => text !== undefined && !/\s/.test(text)) &&
        texts.join(", ").length <= longestLine;
      if (isShort) value.flow = true;
    },
  });
}

function inOrder(keys: Keys): Keys {
  const entries = Object.entries(keys).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.toSorted(([one], [other]) => rankOf(one) - rankOf(other)));
}

function rankOf(key: string): number {
  const rank = order.indexOf(key);
  return rank === -1 ? order.length : rank;
}

function hasKeys(keys: Keys): boolean {
  return Object.values(keys).some((value) => value !== undefined);
}
