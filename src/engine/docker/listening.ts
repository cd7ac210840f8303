import type Docker from "dockerode";
import { readFile } from "node:fs/promises";
import { runInside } from "./run-inside.ts";

/** The kernel's own tables of a container's sockets: a port in them that listens accepts connections. */
const tables = ["/proc/net/tcp", "/proc/net/tcp6"];
const listening = "0A";

export interface Inside {
  readonly container: Docker.Container;
  /** The id of its first process, as the engine sees it. */
  readonly pid: number;
  readonly id: string;
}

/**
 * The ports at which others of its network reach a container; undefined when that can't be known. Nothing connects: a service never sees
 * half a client. The tables are read on this machine where the engine is on it, else with the image's `cat`.
 */
export async function listeningPorts(inside: Inside, signal: AbortSignal): Promise<number[] | undefined> {
  const text = (await readHere(inside)) ?? (await readInside(inside, signal));
  return text === undefined ? undefined : portsOf(text);
}

/** Without any right of its own. A process that only happens to have the number isn't mistaken for the container's. */
async function readHere({ pid, id }: Inside): Promise<string | undefined> {
  try {
    if (!(await readFile(`/proc/${String(pid)}/cgroup`, "utf8")).includes(id)) return undefined;
    const [four, six] = tables.map((table) =>
      readFile(table.replace("/proc/", `/proc/${String(pid)}/`), "utf8"),
    );
    return `${await four}${(await six?.catch(() => "")) ?? ""}`;
  } catch {
    return undefined;
  }
}

async function readInside({ container }: Inside, signal: AbortSignal): Promise<string | undefined> {
  const { exitCode, output } = await runInside(container, ["cat", ...tables], signal);
  // Without IPv6 there's no second table, and cat says so.
  return exitCode === 0 || output.includes("local_address") ? output : undefined;
}

/** Of "0: 0100007F:1F90 00000000:0000 0A …" the local port, in hexadecimal, where it's no loopback address. */
export function portsOf(text: string): number[] {
  const rows = text.matchAll(
    /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm,
  );
  return [...rows].flatMap(([, address = "", port = "", state]) =>
    state === listening && !isLoopback(address) ? [Number.parseInt(port, 16)] : [],
  );
}

/** Words of four bytes, each in the machine's order: 127.0.0.1, ::1, and the former within the latter's family. */
function isLoopback(address: string): boolean {
  return (
    /^[0-9A-F]{6}7F$/.test(address) ||
    address === "00000000000000000000000001000000" ||
    /^0{16}FFFF0000[0-9A-F]{6}7F$/.test(address)
  );
}
