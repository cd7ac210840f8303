import type { Status } from "../events/event.ts";
import type { RunState } from "../events/run-state.ts";
import { nullable, oneOf, optional, record, text } from "../events/shape.ts";

/** What lists and look-ups need of a run: a line of index.ndjson. */
export interface RunSummary {
  readonly runId: string;
  readonly pipelineId: string;
  readonly orgId: string;
  readonly repoId: string;
  readonly stageId: string;
  /** Of a combination of a matrix, the matrix's id. */
  readonly matrixOf?: string;
  readonly status: Status;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly idempotencyKey: string | null;
}

const summary = record({
  runId: text,
  pipelineId: text,
  orgId: text,
  repoId: text,
  stageId: text,
  matrixOf: optional(text),
  status: oneOf("PENDING", "RUNNING", "SUCCESS", "FAILURE", "CANCELED", "PASSED"),
  createdAt: text,
  finishedAt: nullable(text),
  idempotencyKey: nullable(text),
});

export function isRunSummary(value: unknown): value is RunSummary {
  return summary(value);
}

export function summaryOf(state: RunState): RunSummary {
  const { pipelineId, orgId, repoId, stageId, idempotencyKey } = state.request;
  const { runId, status, createdAt, finishedAt } = state;
  const { matrixOf } = state.plan;
  return {
    runId,
    pipelineId,
    orgId,
    repoId,
    stageId,
    ...(matrixOf === undefined ? {} : { matrixOf }),
    status,
    createdAt,
    finishedAt,
    idempotencyKey: idempotencyKey ?? null,
  };
}
