import { join } from "node:path";
import { isatty } from "node:tty";
import type { LocalRunner } from "../../app.ts";
import { wantsColour } from "../colour.ts";
import { exit, exitOfSignal, type EndingSignal } from "../exit.ts";
import { Interrupted, onEndingSignal } from "../interruption.ts";
import { readSecrets } from "../secret-sources.ts";
import { writeErr, writeOut } from "../output.ts";
import { JsonView } from "./json-view.ts";
import { renderList, renderListJson } from "./list.ts";
import type { ExecOptions } from "./options.ts";
import { PlainView } from "./plain-view.ts";
import { prepare, readPlan, withSnapshot, type Prepared } from "./prepare.ts";
import { rerunCommand } from "./rerun.ts";
import { exitOfResults } from "./results.ts";
import { copyAllArtifacts, runStages } from "./run-stages.ts";
import { processScreen } from "./screen.ts";
import { withInputs } from "./take-inputs.ts";
import { closeLocalRunner, makeTraces, openLocalRunner, type Traces } from "./local-runner.ts";
import type { Style } from "./style.ts";
import type { View } from "./view.ts";

/** How long a last word may take when the user wants us gone. */
const lastWordMs = 200;
const columnsOfNoTerminal = 200;

/** Shows what an `exec` would run. */
export async function list(options: ExecOptions): Promise<number> {
  const plan = await readPlan(options, process.cwd(), new AbortController().signal);
  await writeOut(options.json ? renderListJson(plan) : renderList(plan));
  return exit.ok;
}

/** Runs it. Git, the engine's client and the manifest are all begun at once. */
export async function execute(options: ExecOptions): Promise<number> {
  const traces = makeTraces();
  const interruption = new AbortController();
  const setup = new AbortController();
  const restore = onEndingSignal((signal) => {
    if (interruption.signal.aborted) {
      void leaveAtOnce(signal, traces);
      return;
    }
    void writeErr(`${isatty(2) ? "\n" : ""}${signal}: stopping what runs; once more to leave at once\n`);
    interruption.abort(new Interrupted(signal));
    setup.abort(interruption.signal.reason);
  });
  const preparing = prepare(options, process.cwd(), setup.signal);
  preparing.catch(() => {}); // awaited in `runPrepared`
  const opening = openLocalRunner(traces, options, setup.signal);
  try {
    return await runPrepared(options, { preparing, opening, folder: traces.folder }, interruption.signal);
  } finally {
    setup.abort(new Error("exec is over"));
    await closeLocalRunner(traces, opening);
    restore();
  }
}

async function runPrepared(
  options: ExecOptions,
  parts: {
    readonly preparing: Promise<Prepared>;
    readonly opening: Promise<LocalRunner>;
    /** Of this exec's own. */
    readonly folder: string;
  },
  signal: AbortSignal,
): Promise<number> {
  const taken = await withInputs(await parts.preparing, signal);
  const prepared = await withSnapshot(taken, join(parts.folder, "snapshot"), signal);
  const local = await parts.opening;
  signal.throwIfAborted();
  const view = viewFor(options, prepared);
  const { variables, reuse } = options;
  const secrets = await readSecrets(options.secrets);
  const results = await runStages({ local, prepared, variables, secrets, reuse, view }, signal);
  await view.end([...results.values()]);
  signal.throwIfAborted();
  if (options.artifacts !== undefined) await copyAllArtifacts(local, results, options.artifacts);
  return exitOfResults([...results.values()]);
}

function viewFor(options: ExecOptions, prepared: Prepared): View {
  const screen = processScreen();
  if (options.progress === "json") return new JsonView(screen);
  return new PlainView(screen, {
    plan: prepared.plan,
    style: styleOf(options),
    quiet: options.progress === "quiet",
    rerun: (stageId) => rerunCommand(options, prepared.manifest, stageId),
  });
}

function styleOf(options: ExecOptions): Style {
  return {
    colourOut: wantsColour(options.colour, process.env, isatty(1)),
    colourErr: wantsColour(options.colour, process.env, isatty(2)),
    columns: isatty(2) ? process.stderr.columns : columnsOfNoTerminal,
  };
}

async function leaveAtOnce(signal: EndingSignal, { runnerId, folder }: Traces): Promise<void> {
  const words = [
    "leaving at once; containers and files may be left:",
    `  docker ps --all --filter label=dev.gitfoss.runner=${runnerId}`,
    `  ${folder}`,
  ];
  await Promise.race([writeErr(`${words.join("\n")}\n`), Bun.sleep(lastWordMs)]);
  process.exit(exitOfSignal(signal));
}
