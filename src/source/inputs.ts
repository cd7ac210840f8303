import { CommitInputs } from "./commit-inputs.ts";
import type { Source } from "./source.ts";
import { TreeInputs } from "./tree-inputs.ts";

/** What a stage's `inputs` fit in a source. */
export interface Inputs {
  /** The same for the same files: paths, kinds, modes and contents of all that the globs fit, and of nothing else. */
  readonly digest: string;
  /** Globs that fit nothing, as they were written. */
  readonly unmatched: readonly string[];
  readonly isEmpty: boolean;
}

/** Looks at a source as it is now, once for any number of stages. Files by bytes: no checkout, and nothing of the source's is run. */
export interface InputsReader {
  of(globs: readonly string[], signal: AbortSignal): Promise<Inputs>;
}

/** Throws `checkout_failed` for a source that can't be read. */
export async function readInputs(source: Source, signal: AbortSignal): Promise<InputsReader> {
  return source.kind === "repository" ? new CommitInputs(source) : TreeInputs.read(source, signal);
}
