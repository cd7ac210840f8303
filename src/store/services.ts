import { existsSync, readFileSync } from "node:fs";
import { isRecord, list, nullable, number, oneOf, optional, flag, record, text } from "../events/shape.ts";
import type { ServiceLog } from "../engine/services.ts";
import { formatBytes } from "../shared/bytes.ts";
import { makeFolder, writeAtomic } from "./atomic.ts";
import { diskError } from "./disk-error.ts";
import { serviceLogFile, servicesFile, servicesFolder } from "./layout.ts";
import { parseLine } from "./ndjson.ts";

/**
 * What became of a service. `failed`: it never was ready; `ended`: it was, and ended before the stage did; `stopped`: the stage ended
 * first, so the runner took it away.
 */
export interface ServiceRecord {
  readonly alias: string;
  readonly image: string;
  readonly state: "starting" | "ready" | "failed" | "ended" | "stopped";
  readonly exitCode: number | null;
  readonly outOfMemory?: boolean;
}

/** Of a log, so much is kept: its end. */
const mostLogBytes = 4 * 1024 * 1024;
const lineEnd = 0x0a;

const service = record({
  alias: text,
  image: text,
  state: oneOf("starting", "ready", "failed", "ended", "stopped"),
  exitCode: nullable(number),
  outOfMemory: optional(flag),
});
const document = record({ version: oneOf(1), services: list(service) });

function isDocument(value: unknown): value is { readonly services: readonly ServiceRecord[] } {
  return isRecord(value) && document(value);
}

/** What can't be read is none: it's told again at the next change, or was told in the run's log. */
export function readServices(folder: string, runId: string): readonly ServiceRecord[] {
  try {
    const read = parseLine(readFileSync(servicesFile(folder, runId), "utf8"));
    return isDocument(read) ? read.services : [];
  } catch {
    return [];
  }
}

export async function writeServices(
  folder: string,
  runId: string,
  services: readonly ServiceRecord[],
): Promise<void> {
  await write(
    folder,
    runId,
    servicesFile(folder, runId),
    `${JSON.stringify({ version: 1, services }, null, 1)}\n`,
  );
}

export async function writeServiceLog(
  folder: string,
  { runId, alias }: { readonly runId: string; readonly alias: string },
  log: ServiceLog,
): Promise<void> {
  await write(folder, runId, serviceLogFile(folder, runId, alias), endOf(log, mostLogBytes));
}

export function keptServiceLog(folder: string, runId: string, alias: string): string | undefined {
  const path = serviceLogFile(folder, runId, alias);
  return existsSync(path) ? path : undefined;
}

/** The log as text; where its beginning is missing, the first line says so. Cut between lines, unless one alone is too long. */
export function endOf({ lines, isCut }: ServiceLog, most: number): string {
  const whole = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  if (whole.length <= most && !isCut) return whole.toString("utf8");
  const end = whole.subarray(-most);
  const firstLine = whole.length <= most ? 0 : end.indexOf(lineEnd) + 1;
  const kept = end.subarray(firstLine < end.length ? firstLine : 0).toString("utf8");
  return `[what came before is left out: of a service's log the last ${formatBytes(most)} are kept]\n${kept}`;
}

/** Not synced: what is lost with the power is told by the run's log. */
async function write(folder: string, runId: string, path: string, content: string): Promise<void> {
  try {
    await makeFolder(servicesFolder(folder, runId), false);
    await writeAtomic(path, content, { durable: false });
  } catch (error) {
    throw diskError(error, "what is kept of the run's services");
  }
}
