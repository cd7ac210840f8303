import { createHash } from "node:crypto";
import { RunnerError } from "../shared/errors.ts";
import type { RunRequest } from "../events/event.ts";
import { renderProblem } from "../manifest/frame.ts";
import { defaultManifest } from "../manifest/manifest.ts";
import { parseManifest } from "../manifest/parse.ts";
import { compilePlan } from "../plan/compile.ts";
import type { Plan, StagePlan } from "../plan/plan.ts";
import { openRepository, readFileAt, resolveCommit } from "../source/repository.ts";
import type { Config } from "../store/config.ts";

/** What the forge asks for. */
export interface Trigger {
  readonly pipelineId: string;
  readonly orgId: string;
  readonly repoId: string;
  /** Absolute, on this machine, under one of the configured roots. */
  readonly gitRepoDir: string;
  readonly stageId: string;
  /** Branch, tag or commit; the repository's HEAD when absent. */
  readonly ref?: string | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** The manifest's path in the repository. */
  readonly manifest?: string | undefined;
  /** False: it runs, whatever has succeeded before. */
  readonly reuse?: boolean | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface Admitted {
  readonly request: RunRequest;
  readonly plan: StagePlan;
}

/** From a trigger to what will run. Everything that is wrong with it is said here, before anything is accepted. */
export async function admit(trigger: Trigger, config: Config, signal: AbortSignal): Promise<Admitted> {
  const repository = await openRepository(trigger.gitRepoDir, config.repoRoots);
  const commit = await resolveCommit(repository, trigger.ref, signal);
  const path = trigger.manifest ?? defaultManifest;
  const bytes = await readFileAt(repository, commit.sha, path, signal);
  const plan = planOf(bytes, path, config);
  const { pipelineId, orgId, repoId, stageId, variables = {}, idempotencyKey } = trigger;
  return {
    request: {
      pipelineId,
      orgId,
      repoId,
      stageId,
      source: { kind: "repository", gitDir: repository.gitDir, commit },
      variables,
      ...(trigger.reuse === undefined ? {} : { reuse: trigger.reuse }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey, fingerprint: fingerprintOf(trigger) }),
    },
    plan: stageOf(plan, stageId),
  };
}

/** Of the words of the trigger, not of what they led to: a ref may have moved since. */
export function fingerprintOf({ variables = {}, idempotencyKey: _key, ...words }: Trigger): string {
  const sorted = [
    ...Object.entries(words),
    ...Object.entries(variables).map(([name, value]) => [`$${name}`, value]),
  ];
  const text = JSON.stringify(sorted.toSorted(([one = ""], [other = ""]) => (one < other ? -1 : 1)));
  return createHash("sha256").update(text).digest("hex");
}

function planOf(bytes: Uint8Array, path: string, config: Config): Plan {
  const parsed = parseManifest(bytes, path);
  if ("problems" in parsed) {
    throw new RunnerError("manifest_invalid", `the manifest ${path} has errors`, {
      errors: parsed.problems.map((problem) => ({
        path: `${problem.file}:${String(problem.line)}:${String(problem.column)}`,
        message: renderProblem(problem),
      })),
    });
  }
  return compilePlan(parsed.manifest, {
    image: config.defaultImage,
    timeoutSeconds: config.defaultTimeout,
    successExit: config.successExit,
  });
}

function stageOf(plan: Plan, stageId: string): StagePlan {
  const stage = plan.stages.find(({ id }) => id === stageId);
  if (stage !== undefined) return stage;
  const combinations = plan.stages.filter(({ matrixOf }) => matrixOf === stageId);
  const known = (combinations.length > 0 ? combinations : plan.stages).map(({ id }) => id).join(", ");
  const wrong =
    combinations.length > 0
      ? `the stage is a matrix, and each of its combinations is triggered by itself: ${known}`
      : `the manifest has no such stage; it has ${known}`;
  throw new RunnerError("invalid_request", wrong, {
    errors: [{ path: "body.stageId", message: "not a stage of the manifest" }],
  });
}
