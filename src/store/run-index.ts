import { isFinal } from "../events/run-state.ts";
import type { RunSummary } from "./summary.ts";

/** All runs in memory, by what they're looked up by. In order of acceptance. */
export class RunIndex {
  readonly #runs = new Map<string, RunSummary>();
  readonly #newestOfStage = new Map<string, string>();
  readonly #byKey = new Map<string, string>();
  /** Of a matrix: the pipeline of its newest run, and in each pipeline its combinations. */
  readonly #newestOfMatrix = new Map<string, string>();
  readonly #combinations = new Map<string, Set<string>>();

  /** A new run is the newest of its stage; a known one keeps its place. */
  put(summary: RunSummary): void {
    const known = this.#runs.has(summary.runId);
    this.#runs.set(summary.runId, summary);
    if (!known) this.#point(summary);
  }

  /** For a run that could not be accepted or read. */
  drop(runId: string): void {
    if (!this.#runs.delete(runId)) return;
    this.#newestOfStage.clear();
    this.#byKey.clear();
    this.#newestOfMatrix.clear();
    this.#combinations.clear();
    for (const summary of this.#runs.values()) this.#point(summary);
  }

  has(runId: string): boolean {
    return this.#runs.has(runId);
  }

  /** undefined for a run that isn't here. */
  isFinal(runId: string): boolean | undefined {
    const summary = this.#runs.get(runId);
    return summary && isFinal(summary.status);
  }

  newestOf(stageId: string, pipelineId: string | undefined): string | undefined {
    return this.#newestOfStage.get(stageKey(stageId, pipelineId));
  }

  /** The newest run of each combination, in the newest pipeline that has any. */
  newestCombinationsOf(matrixId: string, pipelineId: string | undefined): readonly string[] {
    const pipeline = pipelineId ?? this.#newestOfMatrix.get(matrixId);
    if (pipeline === undefined) return [];
    const stages = this.#combinations.get(stageKey(matrixId, pipeline)) ?? [];
    return [...stages]
      .map((stageId) => this.newestOf(stageId, pipeline))
      .filter((runId) => runId !== undefined);
  }

  withKey(key: string): string | undefined {
    return this.#byKey.get(key);
  }

  all(): readonly RunSummary[] {
    return [...this.#runs.values()];
  }

  unfinished(): readonly RunSummary[] {
    return this.all().filter((summary) => !isFinal(summary.status));
  }

  #point(summary: RunSummary): void {
    const { runId, stageId, pipelineId, idempotencyKey, matrixOf } = summary;
    this.#newestOfStage.set(stageKey(stageId), runId);
    this.#newestOfStage.set(stageKey(stageId, pipelineId), runId);
    if (idempotencyKey !== null) this.#byKey.set(idempotencyKey, runId);
    if (matrixOf === undefined) return;
    this.#newestOfMatrix.set(matrixOf, pipelineId);
    const key = stageKey(matrixOf, pipelineId);
    const combinations = this.#combinations.get(key) ?? new Set();
    this.#combinations.set(key, combinations.add(stageId));
  }
}

function stageKey(stageId: string, pipelineId?: string): string {
  return JSON.stringify([stageId, pipelineId]);
}
