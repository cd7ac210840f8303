import type { Keys } from "../draft.ts";
import type { Item } from "../tree.ts";
import { isVariableName } from "../values.ts";
import { substitute } from "./expressions.ts";

/** A job on its way to a stage. */
export class JobDraft {
  readonly item: Item;
  readonly keys: Keys = {};
  readonly script: string[] = [];
  readonly afterScript: string[] = [];
  readonly caches: Keys[] = [];
  readonly uploads: string[] = [];
  readonly downloads: string[] = [];
  readonly shells = new Set<string>();
  readonly #secrets = new Set<string>();
  artifacts: Keys = {};
  image: string | undefined;
  hasContainer = false;
  needs: readonly string[] = [];

  constructor(item: Item) {
    this.item = item;
  }

  /** With variables in the place of expressions; what has no equal is noted. */
  text(item: Item, text: string): string {
    const { text: result, secrets, unknown } = substitute(text);
    for (const name of secrets) this.#secrets.add(name);
    for (const expression of new Set(unknown)) {
      item.tree.note(item, `\${{ ${expression} }}`, "the expression has no equal; it stands as it was");
    }
    return result;
  }

  variables(item: Item): Record<string, string> {
    item.tree.take(item.spot);
    const found: Record<string, string> = {};
    for (const child of item.children()) {
      child.tree.take(child.spot);
      const value = child.text === undefined ? undefined : this.text(child, child.text);
      if (value === undefined || !isVariableName(child.key)) child.leave("a variable has a name and a text");
      // A secret is a variable of its name already.
      else if (value !== `\${${child.key}}`) found[child.key] = value;
    }
    return found;
  }

  get secrets(): readonly string[] {
    return [...this.#secrets];
  }
}
