import { isTolerated } from "../../events/run-state.ts";
import { formatDuration } from "../../shared/duration.ts";
import { printable } from "../printable.ts";
import { hasFailed, type StageResult } from "./results.ts";
import { cutTo, dim, green, padTo, paint, red, yellow } from "./style.ts";

interface Look {
  readonly columns: number;
  readonly colour: boolean;
}

type Row = readonly [stage: string, result: string, exit: string, time: string, note: string];

const headings: Row = ["stage", "result", "exit", "time", "note"];
const gap = "  ";
const narrowestNote = 10;
const widestStage = 40;

/** A table with a line a stage. Only the note is cut to make it fit. Ends with a line end. */
export function renderSummary(results: readonly StageResult[], look: Look): string {
  const slowest = slowestOf(results);
  const rows = results.map((result) => rowOf(result, result === slowest));
  const all = [headings, ...rows];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...all.map((row) => Bun.stringWidth(row[column] ?? ""))),
  );
  const taken = widths.reduce((sum, width) => sum + width + gap.length, 0);
  const noteWidth = Math.max(narrowestNote, look.columns - taken);
  const lines = all.map((row, index) => {
    const result = results[index - 1];
    const cells = widths.map((width, column) => {
      const cell = padTo(row[column] ?? "", width);
      return column === 1 && result !== undefined ? paint(cell, colourOf(result), look.colour) : cell;
    });
    const line = [...cells, cutTo(row[4], noteWidth)].join(gap).trimEnd();
    return index === 0 ? paint(line, dim, look.colour) : line;
  });
  return `${lines.join("\n")}\n`;
}

/** For a failed stage: the end of its output again, why it failed, and how to run it again. */
export function renderFailure(result: StageResult, rerun: string, look: Look): string {
  const { plan, verdict, lastLines, services = [] } = result;
  const name = printable(plan.id);
  const count = lastLines.length === 1 ? "last line" : `last ${lastLines.length} lines`;
  const reset = look.colour ? "\u001b[0m" : "";
  const excerpt =
    lastLines.length === 0
      ? [`${name} wrote nothing`]
      : [`${count} of ${name}:`, ...lastLines.map((line) => `  | ${line}${reset}`)];
  const beside = services.flatMap(({ alias, lines }) => [
    `service ${printable(alias)} wrote last:`,
    ...lines.map((line) => `  | ${printable(line)}`),
  ]);
  const cause = [name, verdict.cause ?? "failure", printable(verdict.reason)].filter((part) => part !== "");
  return [...excerpt, ...beside, paint(cause.join(": "), red, look.colour), `rerun: ${rerun}`, ""].join("\n");
}

function rowOf(result: StageResult, isSlowest: boolean): Row {
  const { plan, verdict } = result;
  const { runSeconds } = verdict.usage;
  return [
    cutTo(printable(plan.id), widestStage),
    wordOf(result),
    verdict.exitCode === null ? "-" : String(verdict.exitCode),
    runSeconds === undefined ? "-" : formatDuration(runSeconds),
    noteOf(result, isSlowest),
  ];
}

function wordOf(result: StageResult): string {
  const { status } = result.verdict;
  return status === "FAILURE" && hasFailed(result) ? "FAILURE" : status.toLowerCase();
}

function colourOf(result: StageResult): string {
  if (hasFailed(result)) return red;
  if (result.verdict.status === "SUCCESS") return green;
  return result.verdict.status === "PASSED" ? dim : yellow;
}

function noteOf({ plan, verdict, failedTries = 0 }: StageResult, isSlowest: boolean): string {
  const { cause, status, artifacts } = verdict;
  const { pullSeconds = 0 } = verdict.usage;
  const ranToItsEnd = status === "SUCCESS" || status === "FAILURE";
  const notes: readonly (readonly [boolean, string])[] = [
    [ranToItsEnd && cause !== null, cause ?? ""],
    [failedTries > 0, `try ${failedTries + 1} of ${Math.max(plan.retry?.max ?? 0, failedTries) + 1}`],
    [isTolerated(verdict, plan), "failure allowed"],
    [!ranToItsEnd, printable(verdict.reason)],
    [pullSeconds >= 1, `image pull ${formatDuration(pullSeconds)}`],
    [artifacts > 0, artifacts === 1 ? "1 artifact" : `${artifacts} artifacts`],
    [isSlowest, "slowest"],
  ];
  return notes.flatMap(([holds, note]) => (holds && note !== "" ? [note] : [])).join(", ");
}

/** Worth a word when there are several, and it took a while. */
function slowestOf(results: readonly StageResult[]): StageResult | undefined {
  const [first, second] = results.toSorted((one, other) => secondsOf(other) - secondsOf(one));
  if (first === undefined || second === undefined) return undefined;
  return secondsOf(first) >= 1 && secondsOf(first) > secondsOf(second) ? first : undefined;
}

function secondsOf(result: StageResult): number {
  return result.verdict.usage.runSeconds ?? 0;
}
