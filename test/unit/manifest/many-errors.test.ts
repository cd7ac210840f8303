import { expect, test } from "bun:test";
import { renderProblem } from "../../../src/manifest/frame.ts";
import { parseManifest } from "../../../src/manifest/parse.ts";
import type { Problem } from "../../../src/manifest/problem.ts";
import { fortyErrors } from "../../../scripts/bench/manifest.ts";

/* How long it takes is in the bench. */

test("of 2,000 lines with 40 errors every one is told, in order, each with its frame", () => {
  const text = fortyErrors();
  expect(text.split("\n").length).toBeGreaterThan(2000);
  const problems = problemsIn(text);
  expect(problems.length).toBe(40);
  for (const [index, problem] of problems.entries()) expect(renderProblem(problem)).toBe(frameOf(index));
});

/** The four kinds come in turn, each in the eighth line of a stage of ten. */
function frameOf(index: number): string {
  const line = 9 + 50 * index;
  const stage = `stage "s${5 * index}"`;
  const duration = `"timeout" of ${stage} must be a duration such as "90s", "15m" or "1h 30m"`;
  const kinds = [
    [5, "tiemout: 10m", "tiemout", `unknown key "tiemout" in ${stage}; did you mean "timeout"?`],
    [14, "timeout: soon", "soon", duration],
    [14, "timeout: 400d", "400d", '"timeout" must be between 1s and 366d, each unit at most once'],
    [14, "timeout: 10", "10", `${duration}, not a bare number`],
  ] as const;
  const [column, source, marked, message] = kinds[index % 4] ?? kinds[0];
  return [
    `m.yml:${line}:${column} error: ${message}`,
    `  ${line} |     ${source}`,
    `  ${" ".repeat(String(line).length)} | ${" ".repeat(column - 1)}${"^".repeat(marked.length)}`,
  ].join("\n");
}

test("errors of shape and of sense come in the file's order", () => {
  const text = `stages:
  b: { script: x, needs: [a] }
  c: { scirpt: x, timeout: 0s }
  d: { script: x, timeout: soon, extends: e }
  f: { script: x, matrix: { CI: [1] } }
`;
  expect(problemsIn(text).map(({ line, column }) => `${line}:${column}`)).toEqual([
    "2:27",
    "3:3",
    "3:8",
    "3:28",
    "4:28",
    "4:43",
    "5:29",
  ]);
});

function problemsIn(text: string): readonly Problem[] {
  const parsed = parseManifest(text, "m.yml");
  return "problems" in parsed ? parsed.problems : [];
}
