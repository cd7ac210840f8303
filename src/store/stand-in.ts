import { readFileSync } from "node:fs";
import { join } from "node:path";
import { count, isRecord, mapOf, oneOf, optional, record, text } from "../events/shape.ts";
import { type TestReport, testReport } from "../events/test-report.ts";
import { systemCodeOf } from "../shared/errors.ts";
import { parseLine } from "./ndjson.ts";

/** A success of the past that may stand for runs whose inputs are as its own were: an entry.json. */
export interface StandIn {
  readonly runId: string;
  readonly pipelineId: string;
  readonly finishedAt: string;
  /** How many it left. */
  readonly artifacts: number;
  /** The run that has them: itself, or the newest one that it stood for. Absent: they lie beside the entry. */
  readonly artifactsOf?: string;
  readonly tests?: TestReport;
  /** Keyed digests of what it depended on, by kind, so that it can be said what changed. */
  readonly parts: Readonly<Record<string, string>>;
}

const standIn = record({
  version: oneOf(1),
  runId: text,
  pipelineId: text,
  finishedAt: text,
  artifacts: count,
  artifactsOf: optional(text),
  tests: optional(testReport),
  parts: mapOf(text),
});

function isStandIn(value: unknown): value is StandIn {
  return isRecord(value) && standIn(value);
}

export function entryFile(entry: string): string {
  return join(entry, "entry.json");
}

/** Of artifacts that lie beside their entry. */
export function entryArtifacts(entry: string): string {
  return join(entry, "artifacts");
}

export function standInText(entry: StandIn): string {
  return `${JSON.stringify({ version: 1, ...entry }, null, 1)}\n`;
}

/** What isn't there, or can't be read, stands for nothing. */
export function readStandIn(entry: string): StandIn | undefined {
  try {
    const value = parseLine(readFileSync(entryFile(entry), "utf8"));
    return isStandIn(value) ? value : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(systemCodeOf(error) ?? "")) return undefined;
    throw error;
  }
}
