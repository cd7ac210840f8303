import { resolve } from "node:path";
import type { Address } from "../api/server.ts";
import { usage } from "./arguments.ts";
import { quoted } from "./printable.ts";

export const defaultListen = "127.0.0.1:4483";

/** Where the API is to be reached: one place a flag given, the default when none is. Throws `usage`. */
export function readAddresses(listen: string | undefined, socket: string | undefined): readonly Address[] {
  if (socket === "") throw usage("--socket is empty; it is a file");
  const sockets = socket === undefined ? [] : [{ socket: resolve(socket) }];
  const ports = listen === undefined && socket !== undefined ? [] : [readPort(listen ?? defaultListen)];
  return [...ports, ...sockets];
}

/** "127.0.0.1:4483", "[::1]:4483", "localhost:0". */
function readPort(text: string): { hostname: string; port: number } {
  const [, ipv6, name, digits = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = ipv6 ?? name;
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) {
    throw usage(`--listen is an address and a port, as ${defaultListen} or [::1]:4483, not ${quoted(text)}`);
  }
  return { hostname, port };
}

/** Whether others than this machine may reach it; the token then travels in plain text. */
export function isPublic(address: Address): boolean {
  if ("socket" in address) return false;
  const { hostname } = address;
  return !(hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname));
}
