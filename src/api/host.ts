import type { Problem } from "./problem.ts";

const hostPattern = /^(?:\[[\da-f:.]{2,45}\]|[\w.-]{1,255})(?::\d{1,5})?$/i;

/**
 * The path of a request is read from a URL made with its Host header, so a Host with a slash or a hash in
 * it could make a router see another path than a guard. Nothing but `host` and `host:port` passes.
 */
export function hostProblem(request: Request): Problem | undefined {
  const host = request.headers.get("host");
  if (host !== null && hostPattern.test(host)) return undefined;
  return {
    status: 400,
    title: "Bad request",
    detail: "the Host header must be one host name, with or without a port",
  };
}
