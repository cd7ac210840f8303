import { createHash } from "node:crypto";
import { lookDeadlineMs, runGit } from "./git.ts";
import { basesOf, Gatherer, wantsFolder, wholeOf } from "./input-globs.ts";
import type { Inputs, InputsReader } from "./inputs.ts";
import type { Source } from "./source.ts";

const maxListBytes = 64 * 1024 * 1024;
const mostKept = 200;

/** What commits hold never changes: stages of a pipeline with the same globs ask git once. */
const kept = new Map<string, Inputs>();

/**
 * Of a commit, from its trees alone and by one git process: a glob that stands for a folder as a whole costs one line, however
 * many files are in it.
 */
export class CommitInputs implements InputsReader {
  readonly #gitDir: string;
  readonly #sha: string;

  constructor({ gitDir, commit }: Source & { readonly kind: "repository" }) {
    this.#gitDir = gitDir;
    this.#sha = commit.sha;
  }

  async of(globs: readonly string[], signal: AbortSignal): Promise<Inputs> {
    const key = JSON.stringify([this.#gitDir, this.#sha, globs]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const inputs = await this.#ask(globs, signal);
    const [oldest] = kept.size < mostKept ? [] : kept.keys();
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(key, inputs);
    return inputs;
  }

  #ask(globs: readonly string[], signal: AbortSignal): Promise<Inputs> {
    const wholes = globs.map(wholeOf);
    if (wholes.includes("")) return this.#everything(signal);
    return wholes.includes(undefined) ? this.#chosen(globs, signal) : this.#wholes(globs, signal);
  }

  /** What further globs fit lies in it as well. */
  async #everything(signal: AbortSignal): Promise<Inputs> {
    const args = ["rev-parse", "--verify", "--end-of-options", `${this.#sha}^{tree}`];
    return { digest: digestOf((await this.#git(args, signal)).toString()), unmatched: [], isEmpty: false };
  }

  async #wholes(globs: readonly string[], signal: AbortSignal): Promise<Inputs> {
    const paths = globs.map((glob) => wholeOf(glob) ?? "");
    const args = ["ls-tree", "-z", "--full-tree", "--end-of-options", this.#sha, ...new Set(paths)];
    const records = recordsOf(await this.#git(args, signal));
    const kinds = new Map(records.map(({ name, type }) => [Buffer.from(name, "latin1").toString(), type]));
    const unmatched = globs.filter((glob, index) => {
      const type = kinds.get(paths[index] ?? "");
      return type === undefined || (type === "blob" && wantsFolder(glob));
    });
    const digest = digestOf(records.map(({ mode, id, name }) => `${mode} ${id}\t${name}\0`).join(""));
    return { digest, unmatched, isEmpty: unmatched.length === globs.length };
  }

  async #chosen(globs: readonly string[], signal: AbortSignal): Promise<Inputs> {
    const args = ["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", this.#sha, ...basesOf(globs)];
    const gatherer = new Gatherer(globs);
    for (const record of recordsOf(await this.#git(args, signal))) {
      if (gatherer.wants(record.name, record.mode)) gatherer.add(record);
    }
    return gatherer.result();
  }

  #git(args: readonly string[], signal: AbortSignal): Promise<Buffer> {
    const limits = { deadlineMs: lookDeadlineMs, failure: "checkout_failed" } as const;
    return runGit({ args, gitDir: this.#gitDir, ...limits }, maxListBytes, signal);
  }
}

/** `MODE TYPE ID\tNAME`, each with a NUL. */
function recordsOf(listing: Buffer): { mode: string; type: string; id: string; name: string }[] {
  const records = listing.toString("latin1").split("\0").slice(0, -1);
  return records.map((record) => {
    const tab = record.indexOf("\t");
    const [mode = "", type = "", id = ""] = record.slice(0, tab).split(" ");
    return { mode, type, id, name: record.slice(tab + 1) };
  });
}

function digestOf(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex");
}
