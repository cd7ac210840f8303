import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openExec, type LocalRunner } from "../../app.ts";
import type { Facts, Logger } from "../../shared/log.ts";
import { VERSION } from "../../shared/version.ts";
import { defaultConfig, loadConfig } from "../../store/config.ts";
import { writeErr } from "../output.ts";
import { execFolder, ownStateFolder } from "../state-folder.ts";
import { printable } from "../printable.ts";
import type { ExecOptions } from "./options.ts";

/** Names what one `exec` makes, for those who have to look for what it left. */
export interface Traces {
  readonly runnerId: string;
  /** 0700, removed at the end. */
  readonly folder: string;
}

/** At once, so that there is no moment in which a signal finds them half made. */
export function makeTraces(): Traces {
  return {
    runnerId: `exec-${Bun.randomUUIDv7()}`,
    folder: mkdtempSync(join(tmpdir(), "gitfoss-exec-")),
  };
}

export function openLocalRunner(
  traces: Traces,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<LocalRunner> {
  const opening = openLasting(traces, options, signal);
  opening.catch(() => {}); // awaited when the manifest is read: its errors come first
  return opening;
}

async function openLasting(traces: Traces, options: ExecOptions, signal: AbortSignal): Promise<LocalRunner> {
  const state = ownStateFolder(options.stateDir);
  // A daemon's configuration, which may be another user's: without it the default is good enough.
  const { cacheLimit } = await loadConfig(state).catch(() => defaultConfig);
  const own = {
    version: VERSION,
    concurrency: options.jobs,
    graceMs: options.graceSeconds * 1000,
    lasting: execFolder(state),
    log: warningsOnly,
  };
  return openExec({ ...traces, ...own, cacheLimit }, signal);
}

/** Ends a runner that may never have come to be, and removes its folder. Says what it can't remove. */
export async function closeLocalRunner(traces: Traces, opening: Promise<LocalRunner>): Promise<void> {
  const local = await opening.catch(() => undefined);
  await local?.close();
  try {
    await rm(traces.folder, { recursive: true, force: true });
  } catch {
    await writeErr(`warning: can't remove ${traces.folder}; files of a stage are left in it\n`);
  }
}

/** The operator's log isn't for the user of `exec`, but what went wrong is. */
const warningsOnly: Logger = {
  info() {},
  warn: (message, facts) => void writeErr(`warning: ${withError(message, facts)}\n`),
  error: (message, facts) => void writeErr(`error: ${withError(message, facts)}\n`),
};

function withError(message: string, facts: Facts = {}): string {
  return typeof facts["error"] === "string" ? `${message}: ${printable(facts["error"])}` : message;
}
