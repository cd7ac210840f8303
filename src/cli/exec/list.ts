import type { Plan } from "../../plan/plan.ts";
import { printable } from "../printable.ts";
import { padTo } from "./style.ts";

/** A line a stage: its id, its image, what it needs. */
export function renderList(plan: Plan): string {
  const rows = plan.stages.map(({ id, image, needs }) => [
    id,
    image.name,
    needs.map((need) => need.stage).join(", "),
  ]);
  const table = [["stage", "image", "needs"], ...rows.map((row) => row.map(printable))];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => Bun.stringWidth(row[column] ?? ""))));
  const lines = table.map((row) =>
    row
      .map((cell, column) => padTo(cell, widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

export function renderListJson(plan: Plan): string {
  const stages = plan.stages.map(({ id, image, needs }) => ({
    id,
    image: image.name,
    needs: needs.map((need) => need.stage),
  }));
  return `${JSON.stringify({ stages }, undefined, 2)}\n`;
}
