import type { RecordedEvent } from "./event.ts";
import { plan } from "./recorded-plan.ts";
import type { RunState } from "./run-state.ts";
import {
  count,
  either,
  flag,
  list,
  mapOf,
  nullable,
  number,
  oneOf,
  optional,
  record,
  type Shape,
  text,
} from "./shape.ts";
import { testReport } from "./test-report.ts";

const commit = record({
  sha: text,
  ref: text,
  branch: optional(text),
  tag: optional(text),
  defaultBranch: optional(text),
  message: text,
  author: optional(text),
  time: optional(text),
});

const source = either(
  record({ kind: oneOf("repository"), gitDir: text, commit }),
  record({ kind: oneOf("tree"), folder: text, commit: optional(commit) }),
);

const request = record({
  pipelineId: text,
  orgId: text,
  repoId: text,
  stageId: text,
  source,
  variables: mapOf(text),
  idempotencyKey: optional(text),
  reuse: optional(flag),
  inputs: optional(record({ digest: text, unmatched: list(text), isEmpty: flag })),
  combinations: optional(count),
});

const handle = record({
  runId: text,
  engine: text,
  container: text,
  room: text,
  facts: mapOf(either(text, number)),
});

const step = record({
  step: count,
  exitCode: nullable(number),
  durationSeconds: number,
  section: oneOf("before_script", "script", "after_script"),
  command: text,
});

const usage = record({
  queueSeconds: optional(number),
  pullSeconds: optional(number),
  runSeconds: optional(number),
  peakMemoryBytes: optional(number),
  cpuSeconds: optional(number),
});

const causes = ["script", "timeout", "oom", "image", "engine", "service", "checkout", "manifest"];

const verdictShapes = {
  status: oneOf("SUCCESS", "FAILURE", "CANCELED", "PASSED"),
  exitCode: nullable(number),
  cause: oneOf(...causes, "artifacts", "disk", "canceled", null),
  reason: text,
  steps: list(step),
  usage,
  log: record({ lines: count, bytes: count, sha256: text }),
  artifacts: count,
  tests: optional(testReport),
  standsFor: optional(record({ runId: text, pipelineId: text, finishedAt: text })),
};

const failedTryShapes = {
  attempt: count,
  exitCode: nullable(number),
  cause: oneOf(...causes, "artifacts", "disk"),
  reason: text,
  steps: list(step),
  usage,
  lines: count,
  finishedAt: text,
};

const recorded = { runId: text, seq: count, time: text };

const events: readonly Shape[] = [
  record({ ...recorded, type: oneOf("accepted"), request, plan }),
  record({ ...recorded, type: oneOf("started"), attempt: count, deadline: text }),
  record({
    ...recorded,
    type: oneOf("container"),
    attempt: count,
    handle,
    image: text,
    pullSeconds: number,
  }),
  record({ ...recorded, type: oneOf("cancel_requested"), by: text }),
  record({ ...recorded, type: oneOf("try_failed"), ...failedTryShapes }),
  record({ ...recorded, type: oneOf("finished"), ...verdictShapes }),
];
const recordedEvent = either(...events);

const runState = record({
  runId: text,
  request,
  plan,
  status: oneOf("PENDING", "RUNNING", "SUCCESS", "FAILURE", "CANCELED", "PASSED"),
  createdAt: text,
  startedAt: nullable(text),
  finishedAt: nullable(text),
  deadline: nullable(text),
  attempts: count,
  handle: nullable(handle),
  image: nullable(text),
  pullSeconds: nullable(number),
  cancelRequestedBy: nullable(text),
  tries: optional(list(record(failedTryShapes))),
  verdict: nullable(record(verdictShapes)),
  lastSeq: count,
});

/** For JSON from disk. An event of a type that this version doesn't know is none. */
export function isRecordedEvent(value: unknown): value is RecordedEvent {
  return recordedEvent(value);
}

/** For run.json. */
export function isRunState(value: unknown): value is RunState {
  return runState(value);
}
