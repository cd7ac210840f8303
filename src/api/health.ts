export const healthPath = "/healthz";

/**
 * The one answer that needs no token. It is given by the guard itself, and not by a route behind it, so that no
 * difference between how the two read a path can open anything else.
 */
export function healthAnswer(request: Request): Response | undefined {
  const isAsked = request.method === "GET" && new URL(request.url).pathname === healthPath;
  return isAsked ? Response.json({ status: "ok" }) : undefined;
}
