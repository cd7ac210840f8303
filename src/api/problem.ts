import { RunnerError, messageOf } from "../shared/errors.ts";
import type { ErrorCode, InputError } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";

/** The one table from our error codes to HTTP. */
const answers: Record<ErrorCode, { readonly status: number; readonly title: string }> = {
  usage: { status: 400, title: "Bad request" },
  invalid_request: { status: 422, title: "Invalid request" },
  not_found: { status: 404, title: "Not found" },
  conflict: { status: 409, title: "Conflict" },
  queue_full: { status: 429, title: "Queue full" },
  shutting_down: { status: 503, title: "Shutting down" },
  manifest_invalid: { status: 422, title: "Invalid manifest" },
  manifest_missing: { status: 422, title: "Manifest missing" },
  repository_invalid: { status: 422, title: "Invalid repository" },
  checkout_failed: { status: 500, title: "Checkout failed" },
  image_unavailable: { status: 502, title: "Image unavailable" },
  engine_unreachable: { status: 503, title: "Engine out of reach" },
  engine_failed: { status: 502, title: "Engine failed" },
  service_failed: { status: 502, title: "Service failed" },
  artifacts_invalid: { status: 500, title: "Invalid artifacts" },
  forge_unreachable: { status: 502, title: "Forge out of reach" },
  forge_refused: { status: 502, title: "Forge refused" },
  forge_answer_invalid: { status: 502, title: "Invalid answer of the forge" },
  not_registered: { status: 401, title: "Unauthorized" },
  config_invalid: { status: 500, title: "Invalid configuration" },
  state_locked: { status: 503, title: "State locked" },
  state_unwritable: { status: 500, title: "State not writable" },
  disk_full: { status: 507, title: "Disk full" },
};

/** Seconds after which a caller may try again. */
const retryAfter: Partial<Record<ErrorCode, number>> = {
  queue_full: 5,
  shutting_down: 5,
  engine_unreachable: 5,
};

export interface Problem {
  readonly status: number;
  readonly title: string;
  /** An error code of ours; absent where HTTP's own status says it all. */
  readonly code?: ErrorCode;
  readonly detail?: string;
  readonly errors?: readonly InputError[];
  readonly requestId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal that only HTTP knows: a wrong method, a body too large. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/** RFC 9457. */
export function problemResponse(problem: Problem): Response {
  const { status, title, code, detail, errors, requestId, headers } = problem;
  const type = code === undefined ? "about:blank" : `urn:gitfoss:problem:${code}`;
  const listed = errors === undefined || errors.length === 0 ? undefined : errors;
  const body = JSON.stringify({ type, title, status, code, detail, errors: listed, requestId });
  return new Response(body, { status, headers: { "content-type": "application/problem+json", ...headers } });
}

/** What a caller may know of something thrown. What we didn't foresee is logged, and only its id is told. */
export function problemOf(thrown: unknown, log: Logger): Problem {
  if (thrown instanceof HttpError) return thrown.problem;
  if (thrown instanceof RunnerError) return problemOfRunnerError(thrown, log);
  const requestId = crypto.randomUUID();
  log.error("request failed", {
    requestId,
    error: messageOf(thrown),
    stack: thrown instanceof Error ? thrown.stack : undefined,
  });
  return { status: 500, title: "Internal server error", requestId };
}

function problemOfRunnerError(error: RunnerError, log: Logger): Problem {
  const { status, title } = answers[error.code];
  const seconds = retryAfter[error.code];
  if (status >= 500 && error.code !== "shutting_down") {
    log.error("request failed", { code: error.code, error: error.message });
  }
  return {
    status,
    title,
    code: error.code,
    detail: error.message,
    errors: error.errors,
    ...(seconds !== undefined && { headers: { "retry-after": String(seconds) } }),
  };
}
