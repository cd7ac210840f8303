import type { StagePlan } from "../../plan/plan.ts";
import { printable } from "../printable.ts";

/** How text looks: pure text functions, so that a renderer need not know where it prints. */
export interface Style {
  /** Colours for stdout, for stderr. */
  readonly colourOut: boolean;
  readonly colourErr: boolean;
  /** Of the terminal. */
  readonly columns: number;
}

const stageColours = [36, 33, 35, 34, 32, 96, 93, 95, 94, 92];

/** SGR codes: "0" begins with a clean slate, whatever the stage's own output has left. */
export const red = "0;31";
export const green = "0;32";
export const yellow = "0;33";
export const dim = "0;2";

export function paint(text: string, code: string, colour: boolean): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** `[stage] ` for each stage, all of the same width. */
export function prefixes(stages: readonly StagePlan[], colour: boolean): ReadonlyMap<string, string> {
  const labels = stages.map(({ id }) => `[${printable(id)}]`);
  const width = Math.max(0, ...labels.map((label) => Bun.stringWidth(label)));
  return new Map(
    stages.map(({ id }, index) => {
      const label = padTo(labels[index] ?? "", width);
      return [id, `${paint(label, `0;${stageColours[index % stageColours.length]}`, colour)} `];
    }),
  );
}

/** Fills up with spaces to a width in columns. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
}

/** Cuts what is wider than `width` columns, the cut shown by "…". */
export function cutTo(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (Bun.stringWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
