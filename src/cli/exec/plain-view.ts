import type { LogLine, RecordedEvent, Verdict } from "../../events/event.ts";
import type { Plan, StagePlan } from "../../plan/plan.ts";
import { formatDuration } from "../../shared/duration.ts";
import { printable } from "../printable.ts";
import { hasFailed, type StageResult } from "./results.ts";
import type { Screen } from "./screen.ts";
import { StageOutput, type Piece } from "./stage-output.ts";
import { green, paint, prefixes, red, yellow, type Style } from "./style.ts";
import { renderFailure, renderSummary } from "./summary.ts";
import { renderTests } from "./tests-summary.ts";
import type { View } from "./view.ts";

export interface PlainOptions {
  readonly plan: Plan;
  readonly style: Style;
  /** Only the summary. */
  readonly quiet: boolean;
  /** The command that runs one stage again. */
  rerun(stageId: string): string;
}

/** Lines, one after another, nothing drawn over: for terminals, pipes and files alike. */
export class PlainView implements View {
  readonly #screen: Screen;
  readonly #options: PlainOptions;
  readonly #labels: ReadonlyMap<string, string>;
  readonly #stages: ReadonlyMap<string, StagePlan>;
  readonly #outputs: ReadonlyMap<string, StageOutput>;

  constructor(screen: Screen, options: PlainOptions) {
    const { stages } = options.plan;
    const prefixesOut = prefixes(stages, options.style.colourOut);
    this.#screen = screen;
    this.#options = options;
    this.#stages = new Map(stages.map((stage) => [stage.id, stage]));
    this.#labels = prefixes(stages, options.style.colourErr);
    this.#outputs = new Map(
      stages.map(({ id }) => [id, new StageOutput(stages.length > 1 ? (prefixesOut.get(id) ?? "") : "")]),
    );
  }

  async event(stageId: string, event: RecordedEvent): Promise<void> {
    if (this.#options.quiet) return;
    const rest = event.type === "finished" ? (this.#outputs.get(stageId)?.end() ?? []) : [];
    const words = this.#wordsOf(stageId, event);
    const line: Piece[] =
      words === "" ? [] : [{ to: "stderr", text: `${this.#labels.get(stageId)}${words}\n` }];
    await this.#screen.print([...rest, ...line]);
  }

  async log(stageId: string, lines: readonly LogLine[]): Promise<void> {
    if (this.#options.quiet) return;
    await this.#screen.print(this.#outputs.get(stageId)?.add(lines) ?? []);
  }

  async end(results: readonly StageResult[]): Promise<void> {
    const look = { columns: this.#options.style.columns, colour: this.#options.style.colourErr };
    const failures = results
      .filter(({ verdict }) => verdict.status === "FAILURE")
      .map((result) => `\n${renderFailure(result, this.#options.rerun(result.plan.id), look)}`);
    const summary = `${renderSummary(results, look)}${renderTests(results, look)}`;
    await this.#screen.print([{ to: "stderr", text: `\n${summary}${failures.join("")}` }]);
  }

  #wordsOf(stageId: string, event: RecordedEvent): string {
    const stage = this.#stages.get(stageId);
    if (stage === undefined) return "";
    if (event.type === "started") {
      return `start  image=${printable(stage.image.name)}${event.attempt > 1 ? `  attempt=${event.attempt}` : ""}`;
    }
    return event.type === "finished"
      ? endOf({ plan: stage, verdict: event, lastLines: [] }, this.#options.style)
      : "";
  }
}

function endOf(result: StageResult, { colourErr }: Style): string {
  const { status, exitCode, cause, reason, usage } = result.verdict;
  const time = usage.runSeconds === undefined ? "" : formatDuration(usage.runSeconds);
  const details: Readonly<Record<Verdict["status"], readonly string[]>> = {
    SUCCESS: [time],
    PASSED: [], // the runner has said why
    CANCELED: [time, printable(reason)],
    FAILURE: [cause ?? "", exitCode === null ? "" : `exit ${exitCode}`, time],
  };
  const word = hasFailed(result) ? status : status.toLowerCase();
  const colour = { SUCCESS: green, PASSED: yellow, CANCELED: yellow, FAILURE: red }[status];
  return [paint(word, colour, colourErr), ...details[status].filter((part) => part !== "")].join("  ");
}
