import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { renderProblem } from "../../../src/manifest/frame.ts";
import { parseManifest } from "../../../src/manifest/parse.ts";

function problemsOf(manifest: string): readonly string[] {
  const parsed = parseManifest(manifest, "m.yml");
  return "problems" in parsed ? parsed.problems.map(renderProblem) : [];
}

/** Enough lines that what grows with their square is seen. */
function filled(head: string, line: (index: number) => string): string {
  const lines: string[] = [head];
  let length = head.length;
  for (let index = 0; length < 300_000; index++) {
    const next = line(index);
    lines.push(next);
    length += next.length + 1;
  }
  return lines.slice(0, -1).join("\n");
}

describe("a large file is read in time that grows with its size", () => {
  const stage = "stages: { a: { script: x } }";
  const files = {
    variables: filled(`${stage}\nvariables:`, (i) => `  A${String(i)}: ${String(i)}`),
    "unknown keys": filled(stage, (i) => `k${String(i)}: 1`),
    aliases: filled(`${stage}\nx-0: &a 1\nx-1:`, () => "  - *a"),
    anchors: filled(`${stage}\nx-1:`, (i) => `  - &a${String(i)} 1\n  - *a${String(i)}`),
    "the same key": filled("stages:", () => "  a: { script: x }"),
    "a chain of extends": filled("stages:\n  .s0: { script: x }", (i) =>
      i < 3000 ? `  .s${String(i + 1)}: { extends: .s${String(i)}, variables: { A${String(i)}: x } }` : "#",
    ),
    "a large template that many extend": `stages:\n  .t:\n    script: x\n    variables:\n${Array.from({ length: 5000 }, (_, i) => `      V${String(i)}: x`).join("\n")}\n${Array.from({ length: 900 }, (_, i) => `  s${String(i)}: { extends: [${".t, ".repeat(15)}], variables: { A: b } }`).join("\n")}`,
    "a template of mistakes that many extend": `stages:\n  .t:\n${Array.from({ length: 490 }, (_, i) => `    tiemou${String(i)}: x`).join("\n")}\n${Array.from({ length: 900 }, (_, i) => `  s${String(i)}: { extends: .t, script: x }`).join("\n")}`,
    "a template of long lists that many extend": `stages:\n  .t:\n    script: x\n    inputs: [${"../a, ".repeat(900)}b]\n    artifacts: { paths: [${"/a, ".repeat(900)}b] }\n${Array.from({ length: 900 }, (_, i) => `  s${String(i)}: { extends: .t }`).join("\n")}`,
    "axes of one value": filled(
      `stages:\n  a:\n    script: x\n    matrix:`,
      (i) => `      A${String(i)}: [x]`,
    ),
    "needs that are nearly right": filled(
      `stages:\n${Array.from({ length: 400 }, (_, i) => `  ${"s".repeat(50)}${String(i)}: { script: x }`).join("\n")}\n  a:\n    script: x\n    needs:`,
      (i) => `      - ${"s".repeat(50)}x${String(i)}`,
    ),
  };
  for (const [name, file] of Object.entries(files)) {
    test(name, () => {
      const began = performance.now();
      problemsOf(file);
      expect(performance.now() - began).toBeLessThan(10_000);
    });
  }
});

test("an alias bomb and a value within itself are refused within half a second", () => {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `x-${String(i + 1)}: &l${String(i + 1)} [${`*l${String(i)},`.repeat(9)}]`,
  );
  for (const bomb of [`x-0: &l0 [x]\n${levels.join("\n")}\n`, "stages: &s { a: *s }", "x-a: &a [[[*a]]]"]) {
    const began = performance.now();
    expect(problemsOf(bomb)[0]).toMatch(/aliases unfold|part of itself/);
    expect(performance.now() - began).toBeLessThan(500);
  }
});

test("an anchor may be used by every stage", () => {
  const stages = Array.from({ length: 500 }, (_, i) => `  s${String(i)}: { <<: *base, when: always }`);
  expect(problemsOf(`x-base: &base { script: [a, b] }\nstages:\n${stages.join("\n")}\n`)).toEqual([]);
});

test("any bytes are taken or refused, never thrown at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const parsed = parseManifest(bytes, "m.yml");
      expect("problems" in parsed && parsed.problems.length > 0).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
