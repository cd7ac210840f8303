import { createHash } from "node:crypto";
import { RunnerError } from "../shared/errors.ts";
import type { RunRequest } from "../events/event.ts";
import { renderProblem } from "../manifest/frame.ts";
import { defaultManifest } from "../manifest/manifest.ts";
import { parseManifest } from "../manifest/parse.ts";
import { limited } from "./ceiling.ts";
import { compilePlan } from "../plan/compile.ts";
import type { Plan, StagePlan } from "../plan/plan.ts";
import { openRepository, readFileAt, resolveCommit } from "../source/repository.ts";
import type { Config } from "../store/config.ts";
import type { SecretValues } from "../store/secrets.ts";

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
  /** By name; only those that the stage names are kept, and only while the run isn't final. */
  readonly secrets?: SecretValues | undefined;
  /** Of all of `secrets`, with a key of the runner's. */
  readonly secretsDigest?: string | undefined;
  /** The manifest's path in the repository. */
  readonly manifest?: string | undefined;
  /** False: it runs, whatever has succeeded before. */
  readonly reuse?: boolean | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface Admitted {
  readonly request: RunRequest;
  readonly plan: StagePlan;
  /** That whoever asked for the run has sent. */
  readonly secrets?: SecretValues | undefined;
}

/**
 * From a trigger to what will run: a stage, or all combinations of a matrix. What is wrong with it is said here, before anything is
 * accepted.
 */
export async function admit(
  trigger: Trigger,
  config: Config,
  signal: AbortSignal,
): Promise<readonly Admitted[]> {
  const repository = await openRepository(trigger.gitRepoDir, config.repoRoots);
  const commit = await resolveCommit(repository, trigger.ref, signal);
  const path = trigger.manifest ?? defaultManifest;
  const bytes = await readFileAt(repository, commit.sha, path, signal);
  const wanted = stagesOf(planOf(bytes, path, config), trigger.stageId);
  const stages = wanted.map((plan) => limited(plan, config.ceiling));
  const [{ matrixOf } = {}] = stages;
  const { pipelineId, orgId, repoId, variables = {}, idempotencyKey } = trigger;
  const common = {
    pipelineId,
    orgId,
    repoId,
    source: { kind: "repository", gitDir: repository.gitDir, commit } as const,
    variables,
    ...(trigger.reuse === undefined ? {} : { reuse: trigger.reuse }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey, fingerprint: fingerprintOf(trigger) }),
    ...(matrixOf === trigger.stageId ? { combinations: stages.length } : {}),
  };
  const { secrets } = trigger;
  return stages.map((plan) => ({ request: { ...common, stageId: plan.id }, plan, secrets }));
}

/** Of the words of the trigger, not of what they led to: a ref may have moved since. Of its secrets, the digest alone. */
export function fingerprintOf(trigger: Trigger): string {
  const { variables = {}, idempotencyKey: _key, secrets: _secrets, ...words } = trigger;
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

/** One stage; all combinations for the id of a matrix. */
function stagesOf(plan: Plan, stageId: string): readonly StagePlan[] {
  const stage = plan.stages.find(({ id }) => id === stageId);
  if (stage !== undefined) return [stage];
  const combinations = plan.stages.filter(({ matrixOf }) => matrixOf === stageId);
  if (combinations.length > 0) return combinations;
  const known = new Set(plan.stages.map(({ id, matrixOf }) => matrixOf ?? id));
  throw new RunnerError(
    "invalid_request",
    `the manifest has no such stage; it has ${[...known].join(", ")}`,
    {
      errors: [{ path: "body.stageId", message: "not a stage of the manifest" }],
    },
  );
}
