import { describeTests, type TestReport } from "../events/test-report.ts";
import type { RunState } from "../events/run-state.ts";
import { messageOf } from "../shared/errors.ts";
import { readReports } from "../store/reports/read-reports.ts";
import type { RunLog } from "../store/run-log.ts";
import type { RunnerOptions } from "./context.ts";
import { workFolders } from "./workspace.ts";

const readDeadlineMs = 60_000;

/**
 * The tests that the stage's reports tell of, however the stage ended. Never changes how it ended: what can't be read is left
 * out, and the log says so. The container is removed first: nothing of the stage may write while its files are read.
 */
export async function testsOf(
  state: RunState,
  log: RunLog,
  { engine, store, log: operator }: RunnerOptions,
): Promise<{ readonly tests?: TestReport }> {
  const { runId, plan, handle } = state;
  const globs = plan.artifacts?.junit;
  if (globs === undefined || handle === null) return {};
  try {
    await engine.remove(runId);
    const { workspace } = await workFolders(runId, store);
    const signal = AbortSignal.timeout(readDeadlineMs);
    const { report, files, notes } = await readReports(workspace, globs, (text) => log.masked(text), signal);
    for (const note of notes) log.say(`reports: ${note}`);
    if (report === undefined) return {};
    log.say(`reports: ${describeTests(report)} in ${files} ${files === 1 ? "file" : "files"}`);
    return { tests: report };
  } catch (error) {
    operator.warn("couldn't read the test reports of a run", { run: runId, error: messageOf(error) });
    log.say("reports: they couldn't be read; the runner's own log says why");
    return {};
  }
}
