import { stageIdPattern } from "../schema.ts";

/** Keys of a stage as a manifest has them; undefined ones are left out. */
export type Keys = Record<string, unknown>;

/** The manifest that an import makes, in the order in which it's written. */
export interface Draft {
  default: Keys;
  variables: Record<string, string>;
  readonly stages: Map<string, Keys>;
}

export function newDraft(): Draft {
  return { default: {}, variables: {}, stages: new Map() };
}

const stageId = new RegExp(stageIdPattern);

/** Ids for names of any form: readable, valid and each once. */
export class StageIds {
  readonly #byName = new Map<string, string>();
  readonly #used = new Set<string>();

  of(name: string): string {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const wanted = idOf(name);
    let id = wanted;
    for (let at = 2; this.#used.has(id); at += 1) id = `${wanted.slice(0, 120)}-${at}`;
    this.#used.add(id);
    this.#byName.set(name, id);
    return id;
  }

  get(name: string): string | undefined {
    return this.#byName.get(name);
  }
}

function idOf(name: string): string {
  if (stageId.test(name)) return name;
  const start = name.startsWith(".") ? "." : "";
  const letters = name.replaceAll(/[^A-Za-z0-9._:-]+/g, "-").replaceAll(/^[^A-Za-z0-9]+|-+$/g, "");
  return `${start}${letters.slice(0, 100) || "stage"}`;
}

export function asKeys(value: unknown): Keys {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
