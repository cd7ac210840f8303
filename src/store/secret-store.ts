import { type Dirent, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { optional, record, text } from "../events/shape.ts";
import { RunnerError, systemCodeOf } from "../shared/errors.ts";
import { makeFolder, writeAtomic } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { allOfThem, secretFile, secretsFolder } from "./layout.ts";
import { parseLine } from "./ndjson.ts";
import type { SecretBox } from "./secret-box.ts";

/** For whom a secret is kept: one repository, all of an organisation, or all that this runner runs. */
export interface SecretScope {
  readonly orgId?: string | undefined;
  readonly repoId?: string | undefined;
}

/** A secret by its name; its value is told to stages only. */
export interface KeptSecret extends SecretScope {
  readonly name: string;
  /** RFC 3339. */
  readonly setAt: string;
}

interface Document extends KeptSecret {
  readonly value: string;
}

/** The runner's own secrets: `secrets/<org>/<repo>/<name>`, each sealed, 0600. */
export class SecretStore {
  readonly #folder: string;
  readonly #box: SecretBox;

  constructor(folder: string, box: SecretBox) {
    this.#folder = folder;
    this.#box = box;
  }

  async set(scope: SecretScope, name: string, secret: Omit<Document, "name">): Promise<void> {
    const path = secretFile(this.#folder, scope, name);
    const document: Document = { ...scope, ...secret, name };
    try {
      await makeFolder(dirname(path), true);
      const sealed = await this.#box.seal(JSON.stringify(document), this.#about(path));
      await writeAtomic(path, `${sealed}\n`, { durable: true, mode: 0o600 });
    } catch (error) {
      throw diskError(error, "the secret");
    }
  }

  /** The nearest: the repository's own, else the organisation's, else the runner's. */
  async find({ orgId, repoId }: SecretScope, name: string): Promise<string | undefined> {
    for (const scope of [{ orgId, repoId }, { orgId }, {}]) {
      const value = (await this.#read(scope, name))?.value;
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** False when there was none. */
  remove(scope: SecretScope, name: string): boolean {
    try {
      rmSync(secretFile(this.#folder, scope, name));
      return true;
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return false;
      throw diskError(error, "the secret");
    }
  }

  /** By organisation, repository and name; the runner's own first. */
  async list(): Promise<readonly KeptSecret[]> {
    const root = secretsFolder(this.#folder);
    const kept: KeptSecret[] = [];
    for (const org of foldersIn(root)) {
      for (const repo of foldersIn(`${root}/${org}`)) {
        for (const name of namesIn(`${root}/${org}/${repo}`)) {
          kept.push(withoutValue(await this.#open(`${root}/${org}/${repo}/${name}`, name)));
        }
      }
    }
    return kept;
  }

  async #read(scope: SecretScope, name: string): Promise<Document | undefined> {
    try {
      return await this.#open(secretFile(this.#folder, scope, name), name);
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
  }

  async #open(path: string, name: string): Promise<Document> {
    const opened = await this.#box.open(readFileSync(path, "utf8"), this.#about(path));
    const document = opened === undefined ? undefined : parseLine(opened);
    if (isDocument(document)) return document;
    throw new RunnerError(
      "config_invalid",
      `the secret ${name} in the runner's store is damaged, or was kept with another key: set it again`,
    );
  }

  /** What it's sealed for: its place, so that nobody can put one in another's. */
  #about(path: string): string {
    return path.slice(secretsFolder(this.#folder).length + 1);
  }
}

const isDocument = (value: unknown): value is Document => documentShape(value);

const documentShape = record({
  orgId: optional(text),
  repoId: optional(text),
  name: text,
  value: text,
  setAt: text,
});

function withoutValue({ orgId, repoId, name, setAt }: Document): KeptSecret {
  return { orgId, repoId, name, setAt };
}

function foldersIn(path: string): readonly string[] {
  const folders = entriesOf(path).filter((entry) => entry.isDirectory());
  return folders.map((entry) => entry.name).filter((name) => name === allOfThem || !name.startsWith("."));
}

/** A file that is being written has a longer name than a secret's. */
function namesIn(path: string): readonly string[] {
  const files = entriesOf(path).filter((entry) => entry.isFile());
  return files.map((entry) => entry.name).filter((name) => !/\.tmp-[0-9a-f]{12}$/.test(name));
}

function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).toSorted((one, other) =>
      one.name < other.name ? -1 : 1,
    );
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw diskError(error, "the secrets");
  }
}
