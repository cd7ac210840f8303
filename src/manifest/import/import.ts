import { defaultManifest } from "../manifest.ts";
import { parseManifest } from "../parse.ts";
import type { Problem } from "../problem.ts";
import { newDraft, type Draft } from "./draft.ts";
import { emitManifest } from "./emit.ts";
import { importGithub } from "./github/workflow.ts";
import { noteVariables } from "./given.ts";
import { importGitlab } from "./gitlab/pipeline.ts";
import type { Note } from "./notes.ts";
import { readTree, Tree } from "./tree.ts";
import { importWoodpecker } from "./woodpecker/workflow.ts";

export const dialects = ["gitlab", "woodpecker", "github"] as const;
export type Dialect = (typeof dialects)[number];

export interface ImportFile {
  /** As notes name it. */
  readonly name: string;
  readonly text: string;
}

export interface Imported {
  readonly text: string;
  readonly stages: readonly string[];
  /** Everything of the input that isn't in `text`. */
  readonly notes: readonly Note[];
  /** What is still wrong with `text`, in its own lines. */
  readonly problems: readonly Problem[];
}

const largest = 1024 * 1024;

const importers: Readonly<Record<Dialect, (trees: readonly Tree[], draft: Draft) => void>> = {
  gitlab: importGitlab,
  woodpecker: importWoodpecker,
  github: importGithub,
};

/** A manifest that says what the files of another system say, as far as that can be; problems instead when one can't be read. */
export function importFiles(
  files: readonly ImportFile[],
  dialect: Dialect,
): Imported | { readonly unreadable: readonly Problem[] } {
  const trees: Tree[] = [];
  for (const { name, text } of files) {
    const tree = text.length > largest ? [tooLarge(name)] : readTree(text.replace(/^\uFEFF/, ""), name);
    if (!(tree instanceof Tree)) return { unreadable: tree };
    trees.push(tree);
  }
  const draft = newDraft();
  importers[dialect](trees, draft);
  for (const tree of trees) tree.sweep();
  noteVariables(draft, trees, dialect);
  const notes = trees.flatMap((tree) => tree.notes.toSorted((one, other) => one.line - other.line));
  const names = files.map(({ name }) => name);
  const text = emitManifest(draft, notes, names);
  const parsed = parseManifest(text, defaultManifest);
  const problems = "problems" in parsed ? parsed.problems : [];
  return { text, stages: [...draft.stages.keys()].filter((id) => !id.startsWith(".")), notes, problems };
}

function tooLarge(file: string): Problem {
  return { file, line: 1, column: 1, length: 1, message: "the file is larger than 1 MiB", source: "" };
}
