import { shortened } from "../../runner/services/service-log.ts";
import type { Store } from "../../store/store.ts";

/** The end of what a service wrote. */
export interface ServiceLines {
  readonly alias: string;
  readonly lines: readonly string[];
}

const mostLines = 10;

/**
 * For a stage that failed, whose folder goes with the `exec`: the last lines of its services. Those of a service that ended
 * before the stage stand in the stage's log already.
 */
export async function serviceLines(
  store: Pick<Store, "services" | "serviceLog">,
  runId: string,
): Promise<readonly ServiceLines[]> {
  const stopped = store.services(runId).filter(({ state }) => state === "stopped");
  const all = await Promise.all(
    stopped.map(async ({ alias }) => {
      const path = store.serviceLog(runId, alias);
      const text = path === undefined ? "" : await Bun.file(path).text();
      return { alias, lines: text.split("\n").slice(0, -1).slice(-mostLines).map(shortened) };
    }),
  );
  return all.filter(({ lines }) => lines.length > 0);
}
