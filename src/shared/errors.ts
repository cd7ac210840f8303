/**
 * What went wrong, for machines. Each border has one complete table from these codes:
 * `api/problem.ts` to HTTP statuses, `cli/exit.ts` to exit codes.
 */
export type ErrorCode =
  | "usage"
  | "invalid_request"
  | "not_found"
  | "conflict"
  | "queue_full"
  | "shutting_down"
  | "manifest_invalid"
  | "manifest_missing"
  | "repository_invalid"
  | "checkout_failed"
  | "image_unavailable"
  | "engine_unreachable"
  | "engine_failed"
  | "service_failed"
  | "artifacts_invalid"
  | "forge_unreachable"
  | "forge_refused"
  | "forge_answer_invalid"
  | "not_registered"
  | "config_invalid"
  | "state_locked"
  | "state_unwritable"
  | "disk_full";

/** One spot of a bad input: `path` says where in the input ("body.ref", "query.after"). */
export interface InputError {
  readonly path: string;
  readonly message: string;
}

/**
 * We or the world failed. A user's mistake in a manifest is a `Problem` value, a stage that failed
 * is an event; neither is thrown.
 *
 * `message` says what, which one, and what to do. It may be shown to the caller as it is, so it
 * holds no secret and no path that the caller didn't give.
 */
export class RunnerError extends Error {
  override readonly name = "RunnerError";
  readonly code: ErrorCode;
  readonly errors: readonly InputError[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly errors?: readonly InputError[] } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.errors = options.errors ?? [];
  }
}

/** The message of anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a system error ("ENOENT", "EEXIST" …), or undefined. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/** The default branch of a `switch` over a union: a new member fails to compile here. */
export function unreachable(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
