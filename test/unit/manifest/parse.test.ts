import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { renderProblem } from "../../../src/manifest/frame.ts";
import { largestManifestBytes, parseManifest } from "../../../src/manifest/parse.ts";

function firstMessage(bytes: Uint8Array | string): string {
  const parsed = parseManifest(bytes, "m.yml");
  return "problems" in parsed ? (parsed.problems[0]?.message ?? "") : "none";
}

describe("input that is no manifest at all", () => {
  test("nothing, blanks and comments", () => {
    for (const text of ["", "   \n\n", "# only a comment\n"]) expect(firstMessage(text)).toContain("empty");
  });

  test("binary and other encodings", () => {
    expect(firstMessage(new Uint8Array([0xff, 0xfe, 0x00]))).toContain("UTF-8");
    expect(firstMessage("a: \0")).toContain("NUL");
    expect(firstMessage(crypto.getRandomValues(new Uint8Array(1000)))).not.toBe("none");
  });

  test("more than 1 MiB is refused unread, and 1 MiB is read", () => {
    const padding = `#${"x".repeat(largestManifestBytes)}\n`;
    const manifest = "stages: { a: { script: x } }\n";
    expect(firstMessage(padding + manifest)).toContain("larger than 1 MiB");
    const exactly = manifest + padding.slice(0, largestManifestBytes - manifest.length);
    expect(firstMessage(exactly)).toBe("none");
    expect(firstMessage(`${exactly}\n`)).toContain("larger than 1 MiB");
  });

  test("bombs are refused at once", () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `l${String(i + 1)}: &l${String(i + 1)} [${`*l${String(i)},`.repeat(9)}]`,
    );
    const bomb = `l0: &l0 [x]\n${levels.join("\n")}\nstages: *l9\n`;
    const began = performance.now();
    expect(firstMessage(bomb)).toContain("alias");
    expect(firstMessage("[".repeat(900_000))).toContain("nested too deeply");
    expect(firstMessage("stages: &s { a: *s }")).toContain("part of itself");
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test("501 stages are too many, 500 are not, and they are read in a moment", () => {
    const stages = (count: number): string =>
      `stages:\n${Array.from({ length: count }, (_, i) => `  s${String(i)}: { script: x, needs: [${i === 0 ? "" : `s${String(i - 1)}`}] }`).join("\n")}\n`;
    expect(firstMessage(stages(501))).toContain("501 stages; 500 stages is the most");
    expect(firstMessage(stages(500))).toBe("none");
  });
});

test("a thousand mistakes are counted, sorted and bounded", () => {
  const manifest = `stages:\n  a:\n    script: x\n${Array.from({ length: 1000 }, (_, i) => `    k${String(i)}: 1`).join("\n")}\n`;
  const parsed = parseManifest(manifest, "m.yml");
  const lines = "problems" in parsed ? parsed.problems.map(({ line }) => line) : [];
  expect(lines.length).toBe(500);
  expect(lines).toEqual(lines.toSorted((a, b) => a - b));
});

test("no input makes it throw, and no frame lets a control character through", () => {
  const pieces = fc.constantFrom(
    ..."stages default script image needs variables artifacts timeout a b : - [ ] { } & * << ' \" | > # % @ ` ! ? ,".split(
      " ",
    ),
    "\n",
    "\n  ",
    "\n    ",
    " ",
    "\t",
    "\u001b[31m",
    "é",
    "\ud800",
    "\u2028",
    "0x1",
    "1.5",
    "null",
    "~",
    "x-a",
  );
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 60 }).map((all) => all.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(text, (manifest) => {
      const parsed = parseManifest(manifest, "m.yml");
      if (!("problems" in parsed)) return;
      expect(parsed.problems.length).toBeGreaterThan(0);
      for (const problem of parsed.problems) {
        expect(renderProblem(problem)).not.toMatch(/[^\P{Cc}\n]|\p{Zl}/u);
        expect(problem.line).toBeGreaterThan(0);
        expect(problem.column).toBeGreaterThan(0);
      }
    }),
    { numRuns: 2000 },
  );
});
