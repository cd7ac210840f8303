import type { FailedTry, Status, Step, Verdict } from "../events/event.ts";
import { statusOfAll } from "../events/matrix-status.ts";
import { isFinal, type RunState } from "../events/run-state.ts";
import type { Listing } from "../store/run-artifacts.ts";
import type { ServiceRecord } from "../store/services.ts";
import type { RunSummary } from "../store/summary.ts";

/** The JSON of the API. Keys of the mission's own contract come first, spelled as it spells them. */

function triggerView(run: RunState): object {
  return { ...runName(run), status: run.status };
}

/** Of a matrix: the first of its runs as the contract has one, and all of them. */
export function triggersView(runs: readonly RunState[]): object {
  const [first] = runs;
  if (first === undefined) throw new Error("a trigger led to no run");
  if (first.plan.matrixOf === undefined || first.request.combinations === undefined)
    return triggerView(first);
  return { ...triggerView(first), runs: runs.map(combinationView) };
}

/** All combinations of a matrix as one stage. */
export function matrixView(stageId: string, runs: readonly RunState[]): object {
  const status = statusOfAll(runs);
  const { pipelineId, orgId, repoId, source } = runs[0]?.request ?? {};
  return {
    pipelineId,
    stageId,
    status,
    orgId,
    repoId,
    ref: source?.commit?.ref ?? null,
    sha: source?.commit?.sha ?? null,
    createdAt: earliest(runs.map((run) => run.createdAt)),
    startedAt: earliest(runs.map((run) => run.startedAt)),
    ...(isFinal(status) ? endOfAll(status, runs) : { finishedAt: null, cause: null, reason: "" }),
    runs: runs.map(combinationView),
  };
}

/** Of the first run that has the status of all. */
function endOfAll(status: Status, runs: readonly RunState[]): object {
  const { cause = null, reason = "" } = runs.find((run) => run.status === status)?.verdict ?? {};
  return { finishedAt: latest(runs.map((run) => run.finishedAt)), cause, reason };
}

function combinationView({ runId, request, status }: RunState): object {
  return { runId, stageId: request.stageId, status };
}

/** All times have the same form, so they sort as texts. */
function earliest(times: readonly (string | null)[]): string | null {
  return times.filter((time) => time !== null).toSorted()[0] ?? null;
}

function latest(times: readonly (string | null)[]): string | null {
  return (
    times
      .filter((time) => time !== null)
      .toSorted()
      .at(-1) ?? null
  );
}

export function stageView(run: RunState): object {
  const { pipelineId, stageId } = run.request;
  return { pipelineId, stageId, status: run.status, runId: run.runId, ...details(run) };
}

export function runView(run: RunState): object {
  return { ...runName(run), status: run.status, ...details(run) };
}

export function summaryView(run: RunSummary): object {
  const { pipelineId, runId, stageId, status, orgId, repoId, createdAt, finishedAt } = run;
  return { pipelineId, runId, stageId, status, orgId, repoId, createdAt, finishedAt };
}

export function artifactsView(run: RunState, { artifacts, expiresAt, isExpired }: Listing): object {
  const expiry = expiresAt === null ? {} : { expiresAt, expired: isExpired };
  return { ...runName(run), artefacts: artifacts, ...expiry };
}

export function servicesView(
  run: RunState,
  records: readonly (Omit<ServiceRecord, "state"> & { readonly state: string })[],
): object {
  const services = records.map(({ alias, image, state, exitCode, outOfMemory = false }) => ({
    alias,
    image,
    state,
    exitCode,
    outOfMemory,
  }));
  return { ...runName(run), services };
}

/** What a log answers begins with. */
export function stageName(run: RunState): object {
  const { pipelineId, stageId } = run.request;
  return { pipelineId, stageId, runId: run.runId };
}

/** The last word of a stream. */
export function logEndView(verdict: Verdict): object {
  const { status, exitCode, log } = verdict;
  return { status, exitCode, lines: log.lines, bytes: log.bytes, sha256: log.sha256 };
}

function runName(run: RunState): object {
  const { pipelineId, stageId } = run.request;
  return { pipelineId, runId: run.runId, stageId };
}

function details(run: RunState): object {
  const { request, plan } = run;
  const { commit } = request.source;
  const {
    exitCode,
    cause,
    reason,
    steps,
    usage,
    artifacts,
    log,
    tests = null,
    standsFor = null,
  } = run.verdict ?? noVerdict;
  return {
    orgId: request.orgId,
    repoId: request.repoId,
    ref: commit?.ref ?? null,
    sha: commit?.sha ?? null,
    exitCode,
    cause,
    reason,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    deadline: run.deadline,
    steps: steps.map(stepView),
    usage: { ...noUsage, pullSeconds: run.pullSeconds, ...usage },
    attempts: run.attempts,
    tries: (run.tries ?? []).map(tryView),
    image: run.image ?? plan.image.name,
    allowFailure: plan.allowFailure,
    cancelRequestedBy: run.cancelRequestedBy,
    artifacts,
    tests,
    standsFor,
    log,
  };
}

/** Of a try that failed and was followed by another; its lines in the log end with `lines`. */
function tryView({ attempt, exitCode, cause, reason, steps, usage, lines, finishedAt }: FailedTry): object {
  const shown = { steps: steps.map(stepView), usage: { ...noUsage, ...usage } };
  return { attempt, exitCode, cause, reason, ...shown, lines, finishedAt };
}

function stepView({ step, section, command, exitCode, durationSeconds }: Step): object {
  return { step, section, command, exitCode, durationSeconds };
}

/** Of a run that isn't over. */
const noVerdict: Omit<Verdict, "status" | "log"> & { readonly log: null } = {
  exitCode: null,
  cause: null,
  reason: "",
  steps: [],
  usage: {},
  artifacts: 0,
  log: null,
};

const noUsage = {
  queueSeconds: null,
  pullSeconds: null,
  runSeconds: null,
  peakMemoryBytes: null,
  cpuSeconds: null,
};
