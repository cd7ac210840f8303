import type { RunState } from "../events/run-state.ts";
import type { Logger } from "../shared/log.ts";
import type { Config } from "../store/config.ts";
import type { Store } from "../store/store.ts";
import type { Admitted, Trigger } from "../runner/intake.ts";
import type { Runner } from "../runner/runner.ts";

/** What the API asks of the rest. */
export interface ApiOptions {
  readonly runner: Pick<Runner, "submitAll" | "repeated" | "cancel" | "waitsFor">;
  readonly store: Pick<
    Store,
    | "load"
    | "events"
    | "newestRunOf"
    | "newestCombinationsOf"
    | "runs"
    | "onChange"
    | "readLog"
    | "artifacts"
    | "artifactFile"
    | "runArtifacts"
    | "services"
    | "serviceLog"
    | "resetCache"
    | "secrets"
  >;
  /** Asked at every request, so that a rotated token counts at once. */
  readonly config: () => Config;
  readonly version: { readonly version: string; readonly commit: string };
  readonly log: Logger;
  /** The runner's own intake when absent. */
  readonly admit?: Admit;
  /** Brings what the store has of the log of a service that runs up to date. Nothing is done when absent. */
  readonly freshenServiceLog?: (run: RunState, alias: string, signal: AbortSignal) => Promise<void>;
  /** How long a stream may be silent before it says that it is still there; 15 s when absent. */
  readonly silenceMs?: number;
}

export type Admit = (trigger: Trigger, config: Config, signal: AbortSignal) => Promise<readonly Admitted[]>;

export type ApiStore = ApiOptions["store"];

/** What the routes share. */
export interface ApiContext extends Required<ApiOptions> {
  /** Aborted when the server stops: streams end then, without their last event. */
  readonly closing: AbortSignal;
}
