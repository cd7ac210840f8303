import { RunnerError } from "../shared/errors.ts";
import type { RunRequest } from "../events/event.ts";
import type { SecretPlan, StagePlan } from "../plan/plan.ts";
import type { Secrets, SecretValues } from "../store/secrets.ts";

/** Of one secret, in bytes: what a system takes as one variable, and more than any key is long. */
export const longestSecret = 64 * 1024;
const longestTogether = 512 * 1024;

/** Who may have a stage's secrets. */
export interface SecretSources {
  /** What came with the trigger, or with `exec`. */
  readonly given: SecretValues;
  /** The runner's own; none for `exec`, whose manifest may be anybody's. */
  readonly kept: Secrets["kept"] | undefined;
}

/**
 * The secrets that a stage names, and no others: the trigger's first, then those that the runner keeps for the repository, its
 * organisation, or for all. Throws `invalid_request` that says where to put one that nobody has.
 */
export async function secretsFor(
  plan: StagePlan,
  { orgId, repoId }: Pick<RunRequest, "orgId" | "repoId">,
  { given, kept }: SecretSources,
): Promise<SecretValues> {
  if (plan.leftOut !== undefined) return {};
  const values: Record<string, string> = {};
  for (const { name } of plan.secrets ?? []) {
    const value = Object.hasOwn(given, name) ? given[name] : await kept?.find({ orgId, repoId }, name);
    if (value !== undefined) values[name] = value;
  }
  const missing = (plan.secrets ?? []).filter((secret) => mustBeThere(secret, values));
  if (missing.length > 0) throw nobodyHas(missing, plan.id, kept !== undefined);
  mustFit(values, plan.id);
  return values;
}

function mustBeThere({ name, optional }: SecretPlan, values: SecretValues): boolean {
  return optional !== true && !Object.hasOwn(values, name);
}

function nobodyHas(missing: readonly SecretPlan[], stageId: string, byDaemon: boolean): RunnerError {
  const names = [...new Set(missing.map(({ name }) => name))];
  const where = byDaemon
    ? 'send it in "secrets" of the trigger, or keep it on the runner: gitfoss-ci-runner secret set NAME'
    : "give it with --secret NAME (from the environment) or --secret NAME=@FILE";
  return refusal(
    `stage "${stageId}" needs ${names.length === 1 ? "the secret" : "the secrets"} ${names.join(", ")}, which nobody has; ${where}`,
    byDaemon ? names : [],
  );
}

function mustFit(values: SecretValues, stageId: string): void {
  let total = 0;
  for (const [name, value] of Object.entries(values)) {
    const problem = problemOf(value);
    if (problem !== undefined) throw refusal(`the secret ${name} ${problem}`, [name]);
    total += Buffer.byteLength(value);
  }
  if (total > longestTogether)
    throw refusal(
      `the secrets of stage "${stageId}" are larger than ${longestTogether / 1024} KiB together`,
      [],
    );
}

/** What is wrong with a secret's value, in words that follow its name. */
export function problemOf(value: string): string | undefined {
  if (Buffer.byteLength(value) > longestSecret) return `is longer than ${longestSecret / 1024} KiB`;
  if (value.includes("\0")) return "holds a NUL, which no variable can; encode it, as base64 for instance";
  if (!value.isWellFormed()) return "isn't text; encode it, as base64 for instance";
  return undefined;
}

function refusal(message: string, names: readonly string[]): RunnerError {
  const errors = names.map((name) => ({ path: `body.secrets.${name}`, message: "is needed, and must fit" }));
  return new RunnerError("invalid_request", message, { errors });
}
