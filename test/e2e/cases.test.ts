import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary } from "./support/binary.ts";
import { commitAll } from "./support/commit.ts";
import { isObject, startDaemon, type Daemon } from "./support/daemon.ts";

/** What a case expects: expect.json beside its manifest. Keys that aren't there aren't looked at. */
interface Expected extends Round {
  readonly given?: {
    /** Of the trigger, and of `exec -e`. */
    readonly variables?: Readonly<Record<string, string>>;
    /** Of the trigger, and of `exec --secret`, which takes them from its environment. */
    readonly secrets?: Readonly<Record<string, string>>;
    /** More words for `exec`, and more keys for the trigger. */
    readonly exec?: readonly string[];
    readonly trigger?: Readonly<Record<string, unknown>>;
  };
  /** A second round in the same place, in a pipeline of its own. */
  readonly again?: Round & {
    /** Written and committed before it. */
    readonly files?: Readonly<Record<string, string>>;
  };
}

interface Round {
  readonly exitCode: number;
  readonly stages: Readonly<Record<string, ExpectedStage>>;
  /** Stages of which each began only when the one before it had ended. */
  readonly inTurn?: readonly string[];
}

/** Where the rounds of a case take place. */
interface Place {
  readonly repository: string;
  /** The state folder of its `exec`. */
  readonly state: string;
  readonly given: Expected["given"];
}

interface ExpectedStage {
  readonly status: string;
  readonly exitCode?: number | null;
  readonly cause: string | null;
  readonly logs?: string;
  /** section, command, exit code */
  readonly steps?: readonly (readonly [string, string, number])[];
  readonly artifacts?: readonly string[];
  /** Of the verdict, and of what the API answers. */
  readonly tests?: Readonly<Record<string, unknown>>;
}

/** What came of a stage, however it was run. */
interface Outcome {
  readonly events: readonly Record<string, unknown>[];
  readonly logs: string;
}

const casesFolder = join(import.meta.dir, "cases");
const names = [...new Glob("*/expect.json").scanSync(casesFolder)]
  .map((path) => path.split("/")[0] ?? "")
  .toSorted();

let folder: string;
let daemon: Daemon;

beforeAll(async () => {
  await requireEngine();
  await requireImages("busybox", "nonroot", "bash", "postgres", "redis", "nginx");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-cases-"));
  daemon = await startDaemon({ roots: [folder], config: { grace: "1" } });
});
afterAll(async () => {
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

for (const name of names) {
  describe(name.replaceAll("-", " "), () => {
    test("the same by exec and by run", async () => {
      const expected = await readExpected(name);
      const place = await makePlace(name, expected.given);
      await checkRound(place, name, expected);
      if (expected.again === undefined) return;
      const { files = {} } = expected.again;
      for (const [path, text] of Object.entries(files)) await Bun.write(join(place.repository, path), text);
      if (Object.keys(files).length > 0) commitAll(place.repository);
      await checkRound(place, `${name}-again`, expected.again);
    });
  });
}

async function checkRound(place: Place, pipelineId: string, round: Round): Promise<void> {
  const byExec = await runByExec(place, round.exitCode);
  const byRun = await runByDaemon(place, pipelineId, byExec.order);
  for (const [stageId, stage] of Object.entries(round.stages)) {
    const exec = outcomeOf(byExec.outcomes, stageId);
    const run = outcomeOf(byRun, stageId);
    checkStage(exec, stage);
    expect(withoutTimes(run.events)).toEqual(withoutTimes(exec.events));
    expect(run.logs).toBe(exec.logs);
    await checkArtifacts(run, stage);
    await checkTests(run, stage);
  }
  for (const outcomes of [byExec.outcomes, byRun]) checkTurns(outcomes, round.inTurn ?? []);
}

function checkTurns(outcomes: ReadonlyMap<string, Outcome>, stages: readonly string[]): void {
  const timesOf = (stageId: string, type: string): string[] =>
    outcomeOf(outcomes, stageId).events.flatMap((event) =>
      event["type"] === type ? String(event["time"]) : [],
    );
  for (const [at, stageId] of stages.slice(1).entries()) {
    const [ended = ""] = timesOf(stages[at] ?? "", "finished");
    const [began = ""] = timesOf(stageId, "started");
    expect([ended, began]).toEqual([ended, began].toSorted());
  }
}

async function runByExec(
  { repository, state, given = {} }: Place,
  exitCode: number,
): Promise<{ order: string[]; outcomes: Map<string, Outcome> }> {
  const variables = Object.entries(given.variables ?? {}).flatMap(([key, value]) => [
    "-e",
    `${key}=${value}`,
  ]);
  const secrets = Object.keys(given.secrets ?? {}).map((name) => `--secret=${name}`);
  const flags = ["--progress", "json", "--grace", "1", ...variables, ...secrets];
  const words = ["exec", ...flags, ...(given.exec ?? [])];
  const env = { GITFOSS_RUNNER_STATE_DIR: state, ...given.secrets };
  const finished = await runBinary(words, { cwd: repository, env });
  const records = finished.stdout
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line))
    .filter(isObject);
  expect({ exitCode: finished.exitCode, stderr: finished.stderr }).toMatchObject({
    exitCode,
  });
  const outcomes = new Map<string, Outcome>();
  for (const record of records) {
    const stageId = String(record["stageId"]);
    const { events, logs } = outcomes.get(stageId) ?? { events: [], logs: "" };
    outcomes.set(
      stageId,
      record["type"] === "log"
        ? { events, logs: logs + textOf(record) }
        : { events: [...events, record], logs },
    );
  }
  return { order: [...outcomes.keys()], outcomes };
}

async function runByDaemon(
  { repository, given = {} }: Place,
  pipelineId: string,
  order: readonly string[],
): Promise<Map<string, Outcome>> {
  const runs = new Map<string, string>();
  const repoId = basename(repository);
  const more = {
    pipelineId,
    repoId,
    ...given.trigger,
    ...(given.variables && { variables: given.variables }),
    ...(given.secrets && { secrets: given.secrets }),
  };
  for (const stageId of order) runs.set(stageId, await daemon.trigger(repository, stageId, more));
  const outcomes = new Map<string, Outcome>();
  for (const [stageId, runId] of runs) {
    await daemon.final(runId);
    const path = `${daemon.state}/runs/*/${runId}/events.ndjson`;
    const [file] = [...new Glob(path.slice(1)).scanSync({ cwd: "/", absolute: true })];
    const text = await Bun.file(file ?? "").text();
    const events = text
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line))
      .filter(isObject);
    outcomes.set(stageId, { events, logs: await daemon.logs(runId) });
  }
  return outcomes;
}

function checkStage(outcome: Outcome, stage: ExpectedStage): void {
  const finished = outcome.events.find(({ type }) => type === "finished");
  const { status, cause, exitCode } = stage;
  expect(finished).toMatchObject({ status, cause, ...(exitCode === undefined ? {} : { exitCode }) });
  if (stage.logs !== undefined) expect(outcome.logs).toBe(stage.logs);
  if (stage.steps === undefined) return;
  const steps = Array.isArray(finished?.["steps"]) ? finished["steps"].filter(isObject) : [];
  expect(steps.map((step) => [step["section"], step["command"], step["exitCode"]])).toEqual(
    stage.steps.map(([section, command, code]) => [section, command, code]),
  );
}

async function checkArtifacts(run: Outcome, stage: ExpectedStage): Promise<void> {
  const runId = String(run.events[0]?.["runId"]);
  const { artefacts } = await daemon.json(`/run/${runId}/artifacts`);
  const paths = Array.isArray(artefacts) ? artefacts.filter(isObject).map(({ path }) => path) : [];
  expect(paths).toEqual([...(stage.artifacts ?? [])]);
}

async function checkTests(run: Outcome, { tests }: ExpectedStage): Promise<void> {
  const shown = await daemon.json(`/run/${String(run.events[0]?.["runId"])}`);
  expect(shown["tests"]).toEqual(run.events.at(-1)?.["tests"] ?? null);
  if (tests !== undefined) expect(shown["tests"]).toEqual(tests);
}

/** Everything that says when or how long, who, or where on this machine. */
const varying = new Set(
  "time deadline finishedAt runId stageId pipelineId orgId repoId source inputs handle usage pullSeconds durationSeconds".split(
    " ",
  ),
);

function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (typeof value === "string") return withSameNames(value);
  if (!isObject(value)) return value;
  // A log that names another run has a digest of its own.
  const varies = (key: string): boolean => varying.has(key) || (key === "log" && "standsFor" in value);
  const kept = Object.entries(value).filter(([key]) => !varies(key));
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutTimes(each)]));
}

/** Texts in which another run is named, without what is different each time. */
function withSameNames(text: string): string {
  return text
    .replaceAll(/\brun [0-9a-f-]{36} of pipeline \S+,/g, "run RUN of pipeline PIPELINE,")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
}

function outcomeOf(outcomes: ReadonlyMap<string, Outcome>, stageId: string): Outcome {
  const outcome = outcomes.get(stageId);
  if (outcome === undefined) throw new Error(`nothing came of stage ${stageId}`);
  return withSteadyWords({ ...outcome, logs: withSameNames(outcome.logs) });
}

/** The runner's own words with names for what differs from run to run: how long it took, how old, how big once it's compressed. */
function withSteadyWords({ events, logs }: Outcome): Outcome {
  const steady = logs.replaceAll(/^cache: .*$/gm, (line) =>
    line
      .replaceAll(/\bsaved \d+[smhd] ago\b/g, "saved TIME ago")
      .replaceAll(/\bin (\d+m )?[\d.]+s\b/g, "in TIME")
      .replaceAll(/, [\d.]+ [kMGT]?B,/g, ", SIZE,"),
  );
  if (steady === logs) return { events, logs };
  // Nor are the log's length and digest the same then.
  const unmeasured = events.map((event) => {
    const { log, ...rest } = event;
    return isObject(log) ? { ...rest, log: { lines: log["lines"] } } : event;
  });
  return { events: unmeasured, logs: steady };
}

function textOf(line: Record<string, unknown>): string {
  return line["partial"] === true ? String(line["text"]) : `${String(line["text"])}\n`;
}

async function readExpected(name: string): Promise<Expected> {
  return Bun.file(join(casesFolder, name, "expect.json")).json();
}

async function makePlace(name: string, given: Expected["given"]): Promise<Place> {
  const repository = join(folder, name);
  await cp(join(casesFolder, name), repository, { recursive: true });
  await rm(join(repository, "expect.json"));
  commitAll(repository);
  return { repository, state: join(folder, `${name}.state`), given };
}
