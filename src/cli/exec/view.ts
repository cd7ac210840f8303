import type { LogLine, RecordedEvent } from "../../events/event.ts";
import type { StageResult } from "./results.ts";

/** Shows what happens, as it happens. Its methods resolve when the text is written, and so slow a fast stage down to its reader. */
export interface View {
  /** Every event of a run, in order; "finished" after the last line of its log. */
  event(stageId: string, event: RecordedEvent): Promise<void>;
  log(stageId: string, lines: readonly LogLine[]): Promise<void>;
  /** Once, when every stage is final. */
  end(results: readonly StageResult[]): Promise<void>;
}
