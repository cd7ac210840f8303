import { createHash, timingSafeEqual } from "node:crypto";
import type { Problem } from "./problem.ts";

const bearerPattern = /^bearer ([\x21-\x7e]+)$/i;
const protocolPrefix = "bearer.";

/** A problem unless the request bears `token`; null: nobody is registered, nobody may call. */
export function authProblem(request: Request, token: string | null): Problem | undefined {
  const given = bearerOf(request);
  if (given !== undefined && token !== null && token !== "" && isSame(given, token)) return undefined;
  return { status: 401, title: "Unauthorized", headers: { "www-authenticate": "Bearer" } };
}

export function isWebSocketUpgrade(request: Request): boolean {
  return request.method === "GET" && request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/**
 * The subprotocol to agree to, if any was offered. A browser can't send headers with a WebSocket, so it
 * offers `bearer.<token>`; when it offers another one beside it, that one is answered, and the token isn't repeated.
 */
export function chosenProtocol(request: Request): string | undefined {
  const offered = protocolsOf(request);
  return offered.find((protocol) => !protocol.startsWith(protocolPrefix)) ?? offered[0];
}

function bearerOf(request: Request): string | undefined {
  const header = request.headers.get("authorization");
  if (header !== null) return bearerPattern.exec(header)?.[1];
  if (!isWebSocketUpgrade(request)) return undefined;
  const bearers = protocolsOf(request).filter((protocol) => protocol.startsWith(protocolPrefix));
  return bearers.length === 1 ? bearers[0]?.slice(protocolPrefix.length) : undefined;
}

function protocolsOf(request: Request): readonly string[] {
  const header = request.headers.get("sec-websocket-protocol") ?? "";
  return header
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "");
}

/** Digests are compared, so that neither the time nor the length tells anything of the token. */
function isSame(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
