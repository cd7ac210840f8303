import { detectGo } from "./go.ts";
import { detectJava } from "./java.ts";
import { detectAutotools, detectCMake, detectMake } from "./native.ts";
import { detectNode } from "./node.ts";
import type { Detector, Draft, Folder } from "./project.ts";
import { detectPython } from "./python.ts";
import { detectRust } from "./rust.ts";

export interface Project {
  readonly folder: string;
  readonly draft: Draft;
}

const mostProjects = 20;
const detectors: readonly Detector[] = [detectNode, detectPython, detectGo, detectRust, detectJava];
/** At most one of them: each of the later ones is often made by, or beside, an earlier one. */
const natives: readonly Detector[] = [detectCMake, detectAutotools, detectMake];

/** What the top folder is, and what those below it are of other kinds: the top one's own kind there is a part of it. */
export function detectProjects(top: Folder, below: readonly Folder[]): readonly Project[] {
  const atTop = draftsOf(top).map((draft) => ({ folder: top.path, draft }));
  const kinds = new Set(atTop.map(({ draft }) => draft.kind));
  const inside = below.flatMap((folder) =>
    draftsOf(folder)
      .filter(({ kind }) => !kinds.has(kind) && kind !== "c")
      .map((draft) => ({ folder: folder.path, draft })),
  );
  // A Makefile above projects is what starts their tools.
  const tops = inside.length > 0 ? atTop.filter(({ draft }) => !isMake(draft)) : atTop;
  return [...tops, ...inside].slice(0, mostProjects);
}

function isMake({ title }: Draft): boolean {
  return title.includes("with make ");
}

function draftsOf(folder: Folder): readonly Draft[] {
  const drafts = detectors.flatMap((detect) => detect(folder) ?? []);
  const candidates = drafts.length > 0 ? natives.slice(0, 2) : natives;
  const [native] = candidates.flatMap((detect) => detect(folder) ?? []);
  return native === undefined ? drafts : [...drafts, native];
}
