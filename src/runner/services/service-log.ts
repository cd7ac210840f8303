import { type ServiceName, titleOf } from "../../engine/services.ts";
import type { RunLog } from "../../store/run-log.ts";
import type { RunnerOptions } from "../context.ts";
import { heldMask } from "../masks/masking.ts";
import type { RunService } from "./service-specs.ts";

const lastLines = 20;
const longestLine = 1000;

type Kept = Pick<RunnerOptions, "engine" | "store">;

type Masked = Pick<RunLog, "masked">;

/** Every line of a service passes here on its way to the disk. */
function throughMask(lines: readonly string[], log: Masked): readonly string[] {
  return lines.map((line) => log.masked(line));
}

/** Takes what a service has written so far into the run's folder. What was kept of one that is gone stays. */
export async function keepServiceLog(
  service: ServiceName,
  log: Masked,
  { engine, store }: Kept,
  signal: AbortSignal,
): Promise<void> {
  const written = await engine.services.log(service, undefined, signal);
  if (written === undefined) return;
  const { lines, isCut } = written;
  await store.keepServiceLog(service.runId, service.alias, { lines: throughMask(lines, log), isCut });
}

/** The same for whoever isn't the one that runs it. Nothing is done for a run that is over: what it kept stays. */
export async function freshenServiceLog(
  service: ServiceName,
  { engine, store }: Kept,
  signal: AbortSignal,
): Promise<void> {
  const mask = await heldMask(service.runId, store);
  const masked = (text: string): string => mask?.text(text) ?? text;
  if (mask !== undefined) await keepServiceLog(service, { masked }, { engine, store }, signal);
}

/** For a stage that failed because of a service, or after it. */
export async function sayLastLines(
  service: RunService,
  log: RunLog,
  { engine }: Pick<RunnerOptions, "engine">,
  signal: AbortSignal,
): Promise<void> {
  const { lines } = (await engine.services.log(service, lastLines, signal)) ?? { lines: [] };
  if (lines.length === 0) return log.say(`service ${titleOf(service)} wrote nothing`);
  log.say(`last lines of service ${titleOf(service)}:`);
  for (const line of throughMask(lines, log)) log.say(`  ${service.alias} | ${shortened(line)}`);
}

/** Of a line that somebody is to read, as much as they may want to. */
export function shortened(line: string): string {
  return line.length > longestLine ? `${line.slice(0, longestLine)}…` : line;
}
