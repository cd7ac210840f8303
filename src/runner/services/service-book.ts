import type { ServiceEnd } from "../../engine/services.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceRecord } from "../../store/services.ts";
import type { RunService } from "./service-specs.ts";

/** What is recorded of a run's services; goes on where an earlier process stopped. */
export class ServiceBook {
  readonly #runId: string;
  readonly #store: Store;
  readonly #records: Map<string, ServiceRecord>;

  private constructor(runId: string, store: Store, records: Map<string, ServiceRecord>) {
    this.#runId = runId;
    this.#store = store;
    this.#records = records;
  }

  static read(runId: string, store: Store): ServiceBook {
    return new ServiceBook(runId, store, new Map(store.services(runId).map((each) => [each.alias, each])));
  }

  /** Forgets what an earlier attempt of the run recorded. */
  async begin(services: readonly RunService[]): Promise<void> {
    this.#records.clear();
    for (const { alias, image } of services) {
      this.#records.set(alias, { alias, image: image.name, state: "starting", exitCode: null });
    }
    await this.#write();
  }

  stateOf({ alias }: RunService): ServiceRecord["state"] {
    return this.#records.get(alias)?.state ?? "starting";
  }

  async note({ alias, image }: RunService, state: ServiceRecord["state"], end?: ServiceEnd): Promise<void> {
    const { exitCode = null, outOfMemory = false } = end ?? {};
    const killed = outOfMemory ? { outOfMemory } : {};
    this.#records.set(alias, { alias, image: image.name, state, exitCode, ...killed });
    await this.#write();
  }

  async #write(): Promise<void> {
    await this.#store.recordServices(this.#runId, [...this.#records.values()]);
  }
}
