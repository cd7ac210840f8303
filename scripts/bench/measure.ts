/** One figure of ours beside one of what we compare with, measured in turn so that the machine's mood hits both. */
export interface Comparison {
  readonly metric: string;
  readonly against: string;
  readonly goal: number | undefined;
  readonly ours: () => Promise<number>;
  readonly theirs: () => Promise<number>;
}

export interface Row {
  readonly metric: string;
  readonly against: string;
  readonly ours: number;
  readonly theirs: number;
  /** The median of the pairs' ratios. */
  readonly ratio: number;
  readonly goal: number | undefined;
}

export async function compare(comparison: Comparison, rounds: number): Promise<Row> {
  const { metric, against, goal } = comparison;
  await comparison.ours();
  await comparison.theirs();
  const pairs: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const ours = await comparison.ours();
    await settle();
    const theirs = await comparison.theirs();
    await settle();
    pairs.push({ ours, theirs });
  }
  return {
    metric,
    against,
    ours: median(pairs.map((pair) => pair.ours)),
    theirs: median(pairs.map((pair) => pair.theirs)),
    ratio: median(pairs.map((pair) => pair.ours / pair.theirs)),
    goal,
  };
}

/** Wall milliseconds of a command, its output thrown away. */
export async function timeCommand(command: readonly string[], cwd?: string, expected = 0): Promise<number> {
  const began = performance.now();
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    ...(cwd === undefined ? {} : { cwd }),
  });
  const code = await child.exited;
  const took = performance.now() - began;
  if (code !== expected)
    throw new Error(
      `${command.join(" ")} ended with ${String(code)}: ${await new Response(child.stderr).text()}`,
    );
  return took;
}

export function printRows(rows: readonly Row[]): void {
  const table = [
    ["metric", "ours", "compared with", "theirs", "ratio", "goal"],
    ...rows.map((row) => [
      row.metric,
      milliseconds(row.ours),
      row.against,
      milliseconds(row.theirs),
      row.ratio.toFixed(2),
      row.goal === undefined ? "" : `≤ ${row.goal.toFixed(2)}`,
    ]),
  ];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0))) ?? [];
  for (const cells of table) {
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

/** Lets the engine finish what the last command left it to do. */
function settle(): Promise<void> {
  return Bun.sleep(250);
}

function milliseconds(value: number): string {
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(2)} s`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
