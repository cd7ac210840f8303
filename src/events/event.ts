import type { StageHandle, StepExit } from "../engine/engine.ts";
import type { StagePlan } from "../plan/plan.ts";
import type { Inputs } from "../source/inputs.ts";
import type { Source } from "../source/source.ts";
import type { TestReport } from "./test-report.ts";

/** PENDING: accepted and safe on disk. RUNNING: begun. The other four are final and never change. */
export type Status = "PENDING" | "RUNNING" | FinalStatus;
export type FinalStatus = "SUCCESS" | "FAILURE" | "CANCELED" | "PASSED";

/** Why a run isn't a SUCCESS. A closed list, part of the API. */
export type Cause =
  | "script"
  | "timeout"
  | "oom"
  | "image"
  | "engine"
  | "service"
  | "checkout"
  | "manifest"
  | "artifacts"
  | "disk"
  | "canceled";

/** What was asked for. Secrets never stand here. */
export interface RunRequest {
  readonly pipelineId: string;
  readonly orgId: string;
  readonly repoId: string;
  readonly stageId: string;
  readonly source: Source;
  /** On top of the manifest's. */
  readonly variables: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  /** False: it's to run, whatever has succeeded before. */
  readonly reuse?: boolean;
  /** What its stage's inputs fit in a working tree, taken before that was copied. */
  readonly inputs?: Inputs;
  /** sha256 of what was asked for: under the same key, the same trigger again is told from another one by it. */
  readonly fingerprint?: string;
  /** Of a trigger of a matrix: how many runs it asked for, of which this is one. */
  readonly combinations?: number;
}

/** What happened to a run. The format on disk (events.ndjson) and of `GET /run/:runId/events`. */
export type RunEvent =
  | { readonly type: "accepted"; readonly request: RunRequest; readonly plan: StagePlan }
  /** `deadline`: RFC 3339; absolute, so that it holds across a restart. */
  | { readonly type: "started"; readonly attempt: number; readonly deadline: string }
  | {
      readonly type: "container";
      readonly attempt: number;
      readonly handle: StageHandle;
      readonly image: string;
      readonly pullSeconds: number;
    }
  | { readonly type: "cancel_requested"; readonly by: string }
  /** A try failed, and another one follows. */
  | ({ readonly type: "try_failed" } & FailedTry)
  | ({ readonly type: "finished" } & Verdict);

/** How a try ended that another one follows. The verdict is the last one's. */
export interface FailedTry {
  readonly attempt: number;
  readonly exitCode: number | null;
  readonly cause: Cause;
  readonly reason: string;
  readonly steps: readonly Step[];
  readonly usage: Usage;
  /** The seq of its last line in the run's log. */
  readonly lines: number;
  readonly finishedAt: string;
}

/** How a run ended. */
export interface Verdict {
  readonly status: FinalStatus;
  readonly exitCode: number | null;
  readonly cause: Cause | null;
  /** One line for people: what went wrong, where, what to do; empty on success. */
  readonly reason: string;
  readonly steps: readonly Step[];
  readonly usage: Usage;
  readonly log: LogTotals;
  readonly artifacts: number;
  /** Of its `artifacts.reports`; absent when there are none that could be read. */
  readonly tests?: TestReport;
  /** Of a run that was passed over because nothing has changed since this one succeeded. */
  readonly standsFor?: EarlierRun;
}

export interface EarlierRun {
  readonly runId: string;
  readonly pipelineId: string;
  readonly finishedAt: string;
}

export interface Step extends StepExit {
  readonly section: "before_script" | "script" | "after_script";
  readonly command: string;
}

/** Durations in seconds; absent when not known. */
export interface Usage {
  readonly queueSeconds?: number | undefined;
  readonly pullSeconds?: number | undefined;
  readonly runSeconds?: number | undefined;
  readonly peakMemoryBytes?: number | undefined;
  readonly cpuSeconds?: number | undefined;
}

/** `sha256` and `bytes` are of the log as text: every line's text, each with its line end unless partial. */
export interface LogTotals {
  readonly lines: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** An event as stored: `seq` counts a run's events from 1, `time` is RFC 3339. */
export type RecordedEvent = RunEvent & {
  readonly runId: string;
  readonly seq: number;
  readonly time: string;
};

/** A line of log.ndjson and of every stream. `seq` counts a run's lines from 1 without gaps, and is the cursor of every reader. */
export interface LogLine {
  readonly seq: number;
  readonly time: string;
  readonly stream: "stdout" | "stderr" | "runner";
  /** Which command wrote it, counted from 1; 0 for the runner's own words. */
  readonly step: number;
  readonly text: string;
  /** The line goes on in the next one. */
  readonly partial?: true;
}
