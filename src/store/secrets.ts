import { HeldSecretsStore } from "./held-secrets.ts";
import { SecretBox } from "./secret-box.ts";
import { SecretStore } from "./secret-store.ts";

/** By name. */
export type SecretValues = Readonly<Record<string, string>>;

/** All secrets in a state folder. */
export class Secrets {
  /** The runner's own. */
  readonly kept: SecretStore;
  /** Of runs that aren't final. */
  readonly held: HeldSecretsStore;
  readonly #box: SecretBox;

  constructor(folder: string, durable: boolean) {
    this.#box = new SecretBox(folder);
    this.kept = new SecretStore(folder, this.#box);
    this.held = new HeldSecretsStore(folder, durable, this.#box);
  }

  /** The same secrets give the same digest, from which they can't be guessed. */
  digest(values: SecretValues): Promise<string> {
    const sorted = Object.entries(values).toSorted(([one], [other]) => (one < other ? -1 : 1));
    return this.#box.digest(JSON.stringify(sorted));
  }
}
