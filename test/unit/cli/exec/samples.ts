import type { StageResult } from "../../../../src/cli/exec/results.ts";
import type { Piece } from "../../../../src/cli/exec/stage-output.ts";
import { Screen } from "../../../../src/cli/exec/screen.ts";
import type { LogLine, RecordedEvent, RunEvent, Verdict } from "../../../../src/events/event.ts";
import type { Plan, StagePlan } from "../../../../src/plan/plan.ts";
import { stagePlan } from "../../../support/stage-plan.ts";

const time = "2026-11-23T22:10:03.120Z";

export function stage(id: string, changes: Partial<StagePlan> = {}): StagePlan {
  return stagePlan({ id, ...changes });
}

export function planOf(...stages: StagePlan[]): Plan {
  return { version: 1, stages };
}

export function verdict(changes: Partial<Verdict> = {}): Verdict {
  return {
    status: "SUCCESS",
    exitCode: 0,
    cause: null,
    reason: "",
    steps: [],
    usage: { runSeconds: 0.4 },
    log: { lines: 0, bytes: 0, sha256: "" },
    artifacts: 0,
    ...changes,
  };
}

export function failure(changes: Partial<Verdict> = {}): Verdict {
  return verdict({
    status: "FAILURE",
    exitCode: 1,
    cause: "script",
    reason: "command 1 ended with exit code 1",
    ...changes,
  });
}

export function result(plan: StagePlan, ended: Verdict, lastLines: readonly string[] = []): StageResult {
  return { plan, verdict: ended, lastLines };
}

/** Events as recorded, numbered from 1. */
export function recorded(runId: string, ...events: RunEvent[]): RecordedEvent[] {
  return events.map((event, index) => ({ ...event, runId, seq: index + 1, time }));
}

/** Log lines from texts, numbered from 1; one that ends in "…" goes on in the next. */
export function lines(...texts: string[]): LogLine[] {
  return texts.map((text, index) => ({
    seq: index + 1,
    time,
    stream: "stdout" as const,
    step: 1,
    ...(text.endsWith("…") ? { text: text.slice(0, -1), partial: true as const } : { text }),
  }));
}

/** A screen that keeps what is printed on it. */
export function paper(shared = false) {
  const pieces: Piece[] = [];
  const screen = new Screen(async (piece) => void pieces.push(piece), shared);
  const on = (to: Piece["to"]) =>
    pieces
      .filter((piece) => piece.to === to)
      .map((piece) => piece.text)
      .join("");
  return { screen, pieces, stdout: () => on("stdout"), stderr: () => on("stderr") };
}
