import { RunnerError, messageOf, systemCodeOf } from "../../shared/errors.ts";

/** What was asked of the engine, for the message: "start the container", and whose image it was. */
export interface Deed {
  readonly verb: string;
  readonly image?: string;
}

const outOfReach = new Set([
  "ENOENT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EHOSTUNREACH",
]);

/** Turns whatever dockerode throws into one of ours. The only place that looks at the engine's codes and words. */
export function translate(thrown: unknown, deed: Deed): RunnerError {
  if (thrown instanceof RunnerError) return thrown;
  const code = systemCodeOf(thrown);
  if (code === "EACCES" || code === "EPERM") {
    return new RunnerError(
      "engine_unreachable",
      "not allowed to talk to the Docker Engine; add this user to the group docker, or run as root",
      { cause: thrown },
    );
  }
  if (code !== undefined && /CERT|LEAF_SIGNATURE/.test(code)) {
    return new RunnerError(
      "engine_unreachable",
      `the Docker Engine's certificate isn't to be trusted (${code}); is ca.pem in DOCKER_CERT_PATH its authority's, and does it bear the name in DOCKER_HOST?`,
      { cause: thrown },
    );
  }
  if (/SSL routines|redirects exceeded/i.test(messageOf(thrown))) {
    return new RunnerError(
      "engine_unreachable",
      "what answers isn't a Docker Engine, or not one with TLS; are DOCKER_HOST and DOCKER_TLS_VERIFY right?",
      { cause: thrown },
    );
  }
  if (code !== undefined && (outOfReach.has(code) || code.startsWith("ERR_TLS"))) {
    return new RunnerError(
      "engine_unreachable",
      `can't reach the Docker Engine (${code}); is it running, and is DOCKER_HOST right?`,
      { cause: thrown },
    );
  }
  return fromStatus(thrown, deed);
}

export function isNotFound(thrown: unknown): boolean {
  return statusOf(thrown) === 404;
}

/** "Already so": started twice, stopped twice, being removed. */
export function isAlreadySo(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return status === 304 || status === 409;
}

function fromStatus(thrown: unknown, deed: Deed): RunnerError {
  const said = reasonOf(thrown);
  const image = deed.image ?? "";
  if (statusOf(thrown) === 404 && deed.verb === "create the container") {
    return new RunnerError("image_unavailable", `image "${image}" isn't on this machine`, { cause: thrown });
  }
  if (/exec: .*(not found|no such file)|no such file or directory: unknown/i.test(said)) {
    return new RunnerError("image_unavailable", `image "${image}" can't run the stage's shell: ${said}`, {
      cause: thrown,
    });
  }
  if (/unable to find user|no matching entries in passwd/i.test(said)) {
    return new RunnerError("image_unavailable", `image "${image}" doesn't know the stage's user: ${said}`, {
      cause: thrown,
    });
  }
  if (/bind source path does not exist/i.test(said)) {
    return new RunnerError(
      "engine_failed",
      "the Docker Engine doesn't see this machine's files; DOCKER_HOST must name an engine on this machine",
      { cause: thrown },
    );
  }
  if (statusOf(thrown) === 409)
    return new RunnerError("conflict", `can't ${deed.verb}: ${said}`, { cause: thrown });
  return new RunnerError("engine_failed", `the Docker Engine couldn't ${deed.verb}: ${said}`, {
    cause: thrown,
  });
}

function statusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("statusCode" in thrown)) return undefined;
  return typeof thrown.statusCode === "number" ? thrown.statusCode : undefined;
}

/** The engine's own sentence: dockerode puts it into `json.message`, or into `message` behind words of its own. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && "json" in thrown && hasMessage(thrown.json))
    return oneLine(thrown.json.message);
  return oneLine(messageOf(thrown).replace(/^\(HTTP code \d+\) [a-z ]* - /, ""));
}

function hasMessage(value: unknown): value is { message: string } {
  return (
    typeof value === "object" && value !== null && "message" in value && typeof value.message === "string"
  );
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 500);
}
