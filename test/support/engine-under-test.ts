import type { Engine, StageHandle, StageSpec } from "../../src/engine/engine.ts";
import type { ServiceName } from "../../src/engine/services.ts";
import { RunnerError } from "../../src/shared/errors.ts";

/** What the suite must know of an engine beside its verbs. */
export interface EngineUnderTest {
  readonly name: string;
  readonly image: string;
  readonly shell: string;
  readonly open: () => Promise<Engine>;
  /** Ends a stage as somebody else would. */
  readonly killFromOutside: (engine: Engine, handle: StageHandle) => Promise<void>;
  /** Whether the room's files are safe from being replaced by the stage. */
  readonly roomIsMounted: boolean;
  /** Whether it keeps a stage within its resources and its network. */
  readonly limits: boolean;
  /** Ends a service as somebody else would. */
  readonly killService: (engine: Engine, service: ServiceName) => Promise<void>;
  /** The room's folder as the stage sees it. */
  readonly roomInside: (spec: StageSpec) => string;
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof RunnerError ? error.code : String(error);
  }
}
