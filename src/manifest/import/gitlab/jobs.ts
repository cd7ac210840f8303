import { mostStages } from "../../schema.ts";
import { type Item, reference, type Tree } from "../tree.ts";
import { textsIn } from "../values.ts";

const notJobs = new Set(
  "stages types variables default image services cache before_script after_script include workflow spec".split(
    " ",
  ),
);
const deepest = 12;
const mostItems = 20_000;

/** What must be known of a job for what others need. */
interface Facts {
  /** In GitLab's order of stages; -1 for a stage that isn't named there. */
  readonly rank: number;
  readonly hasScript: boolean;
  /** Nobody waits for a job that waits for a click. */
  readonly isManual: boolean;
  readonly leavesFiles: boolean;
}

/** The jobs and templates of a pipeline by name, and what GitLab would make of what they take from each other. */
export class Jobs {
  readonly all = new Map<string, Item>();
  #order: readonly string[] = ["build", "test", "deploy"];
  readonly #facts = new Map<string, Facts>();
  #unfolded = 0;

  constructor(trees: readonly Tree[]) {
    for (const { root } of trees) {
      for (const item of root.children()) {
        if (!item.isMap || notJobs.has(item.key)) continue;
        if (this.all.size < mostStages) this.all.set(item.key, item);
        else item.leave(`a manifest has at most ${mostStages} stages`);
      }
    }
  }

  /** Whether it's a key of the file rather than a job. */
  isTop(key: string): boolean {
    return notJobs.has(key);
  }

  readStages(item: Item): void {
    this.#order = textsIn(item) ?? this.#order;
  }

  /** undefined for what is no job. */
  facts(name: string): Facts | undefined {
    const known = this.#facts.get(name);
    if (known !== undefined || !this.all.has(name)) return known;
    const stage = this.find(name, "stage")?.text ?? "test";
    const facts = {
      rank: [".pre", ...this.#order, ".post"].indexOf(stage),
      hasScript: this.find(name, "script") !== undefined,
      isManual: this.find(name, "when")?.text === "manual",
      leavesFiles: this.find(name, "artifacts")?.has("paths") === true,
    };
    this.#facts.set(name, facts);
    return facts;
  }

  /** Whether it has something to run: a job that only starts another pipeline has not. */
  hasScript(name: string): boolean {
    return this.facts(name)?.hasScript === true;
  }

  /** The value that a job has for a key after `extends`, without counting it as carried over. */
  find(name: string, key: string, depth = 0): Item | undefined {
    const job = this.all.get(name);
    if (job === undefined || depth > deepest) return undefined;
    const own = job.children().find((child) => child.key === key);
    if (own !== undefined) return own;
    const bases = job.children().find((child) => child.key === "extends");
    for (const base of (bases?.list() ?? []).toReversed()) {
      const found = this.find(base.text ?? "", key, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What a `!reference` names; itself for anything else. */
  follow(item: Item, depth = 0): Item | undefined {
    if (!isReference(item)) return item;
    this.#unfolded += 1;
    const [, ...path] = item.children();
    const names = path.map(({ text = "" }) => text);
    let found = this.all.get(names[0] ?? "");
    for (const name of names.slice(1)) found = found?.take(name);
    if (found === undefined || depth > deepest || this.#unfolded > mostItems) {
      return item.leave("it names nothing in these files", `!reference [${names.join(", ")}]`);
    }
    return this.follow(found, depth + 1);
  }

  /** The entries of a list, or the one value, with lists and references in it unfolded. */
  entries(item: Item, depth = 0): readonly Item[] {
    this.#unfolded += 1;
    const found = this.follow(item);
    if (found === undefined || depth > deepest || this.#unfolded > mostItems) return [];
    found.tree.take(found.spot);
    return found.isList ? found.children().flatMap((child) => this.entries(child, depth + 1)) : [found];
  }
}

function isReference(item: Item): boolean {
  return item.isList && item.children()[0]?.text === reference;
}
