import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { stringify } from "yaml";
import {
  type Dialect,
  dialects,
  importFiles,
  type Imported,
} from "../../../../src/manifest/import/import.ts";
import { mostStages } from "../../../../src/manifest/schema.ts";
import { renderNote } from "../../../../src/manifest/import/notes.ts";

function importText(text: string, dialect: Dialect): ReturnType<typeof importFiles> {
  return importFiles([{ name: "ci.yml", text }], dialect);
}

function imported(text: string, dialect: Dialect): Imported {
  const result = importText(text, dialect);
  if ("unreadable" in result) throw new Error(result.unreadable.map(({ message }) => message).join("\n"));
  return result;
}

describe.each([...dialects])("%s", (dialect) => {
  test.each([
    ["nothing", "", "empty"],
    ["a comment", "# nothing\n", "empty"],
    ["broken YAML", "a: [\n", "YAML"],
    ["deep nesting", "[".repeat(100_000), "nested too deeply"],
    [
      "deep maps",
      Array.from({ length: 40 }, (_, at) => `${" ".repeat(at)}a:\n`).join(""),
      "nested too deeply",
    ],
    ["an alias bomb", bomb(9), "aliases unfold"],
    ["an alias that holds itself", "a: &a [*a]\n", "a part of itself"],
    ["more than 1 MiB", `a: ${"x".repeat(1024 * 1024)}\n`, "larger than 1 MiB"],
  ])("%s can't be read, and it's said why", (_, text, why) => {
    const result = importText(text, dialect);
    if (!("unreadable" in result)) throw new Error("it was read");
    expect(result.unreadable[0]?.message).toContain(why);
  });

  test.each([
    ["a list", "- a\n- b\n"],
    ["a text", "hello\n"],
    ["a list where a map belongs", "jobs: [a, b]\nsteps: 7\nstages: { a: b }\n"],
    ["nulls", "jobs:\nsteps:\nstages:\nvariables:\ndefault:\nbuild:\n"],
    ["two documents", "a: { script: x }\n---\nb: { script: y }\n"],
  ])("%s is nothing that could be run, and it's said", (_, text) => {
    const { notes, problems } = imported(text, dialect);
    expect(notes.length + problems.length).toBeGreaterThan(0);
  });

  test("names of prototypes are names", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const map = names
      .map((name) => `  ${name}: { image: a, script: b, commands: [c], uses: d, __proto__: e }\n`)
      .join("");
    for (const key of ["jobs", "steps", "services", "x"]) {
      const { text } = imported(`${key}:\n${map}${map.replaceAll(/^ {2}/gm, "")}`, dialect);
      expect(text).not.toContain("[object");
    }
    expect(Object.prototype).not.toHaveProperty("image");
  });

  test("control characters and line ends come out of no note and no comment", () => {
    const evil = '"\\e[2J\\nscript: evil\\u2028x"';
    const text = `${evil}: 1\njobs:\n  ${evil}: { runs-on: ${evil}, steps: [{ uses: ${evil} }] }\nsteps:\n  ${evil}: { image: a }\nb:\n  script: x\n  ${evil}: 1\n`;
    const result = imported(text, dialect);
    expect(result.notes.map(renderNote).join("")).not.toMatch(/[\p{Cc}\u2028]/u);
    for (const line of result.text.split("\n")) expect(line).not.toMatch(/^\s*script: evil/);
  });

  test("of thousands of keys some are listed, and the end of the list says so", () => {
    const keys = Array.from({ length: 20_000 }, (_, at) => `k${at}: [1]`).join("\n");
    const { notes } = imported(`${keys}\n`, dialect);
    expect(notes.length).toBe(2001);
    expect(notes.at(-1)?.instead).toContain("more than can be listed");
  });

  test("whatever it's made of, it's imported or it's said why not", () => {
    const imports = fc.property(
      documentOf(dialect),
      (document) => void importText(stringify(document), dialect),
    );
    fc.assert(imports, { numRuns: 150 });
  });
});

test("thousands of GitLab's jobs: as many as a manifest may have, the others are listed", () => {
  const jobs = Array.from(
    { length: 3000 },
    (_, at) => `job${at}: { stage: s${at % 50}, script: x, extends: job${at + 1} }`,
  );
  const { stages, notes } = imported(
    `stages: [${Array.from({ length: 50 }, (_, at) => `s${at}`).join(", ")}]\n${jobs.join("\n")}\n`,
    "gitlab",
  );
  expect(stages.length).toBe(mostStages);
  expect(
    notes.some(
      ({ what, instead }) => what === `job${mostStages}` && instead.includes(`at most ${mostStages}`),
    ),
  ).toBe(true);
});

test("references and templates in circles end", () => {
  const { notes } = imported(
    `.a: { script: [!reference [.b, script]], extends: .b }
.b: { script: [!reference [.a, script], !reference [.a, script]], extends: .a }
c: { script: [!reference [.a, script], x], extends: [.a, .b] }
d: { script: !reference [nowhere, script] }
`,
    "gitlab",
  );
  expect(notes.some(({ what }) => what.startsWith("!reference"))).toBe(true);
});

test("references that unfold to ever more are cut off", () => {
  const levels = Array.from(
    { length: 12 },
    (_, at) => `.l${at + 1}: { script: [${`!reference [.l${at}, script], `.repeat(10)}] }`,
  );
  const { text } = imported(
    `.l0: { script: [lol] }\n${levels.join("\n")}\nc: { script: [!reference [.l12, script]] }\n`,
    "gitlab",
  );
  expect(text.length).toBeLessThan(1_000_000);
});

test("a matrix of millions becomes no more than is refused as too many", () => {
  const axis = `[${Array.from({ length: 100 }, (_, at) => String(at)).join(", ")}]`;
  const text = `jobs: { a: { runs-on: ubuntu-latest, strategy: { matrix: { a: ${axis}, b: ${axis}, c: ${axis}, include: [{ d: 1 }] } }, steps: [{ run: x }] } }\n`;
  expect(imported(text, "github").text.length).toBeLessThan(100_000);
});

/** Each level is nine times the one before it. */
function bomb(levels: number): string {
  const line = (level: number): string =>
    `x${level}: &x${level} [${level === 1 ? "lol" : `*x${level - 1}, `.repeat(9)}]`;
  return Array.from({ length: levels }, (_, index) => line(index + 1)).join("\n");
}

const words: Readonly<Record<Dialect, readonly string[]>> = {
  gitlab:
    "a .b stages stage script before_script image services name alias variables cache key files paths artifacts reports junit expire_in rules if changes when only except refs needs job dependencies parallel matrix retry max extends default".split(
      " ",
    ),
  woodpecker:
    "steps a name image commands environment from_secret secrets when branch include exclude event path status matrix services depends_on settings failure directory pull".split(
      " ",
    ),
  github:
    "jobs a name needs runs-on container image services env strategy matrix include exclude steps run uses with if path key options shell working-directory defaults concurrency group outputs timeout-minutes".split(
      " ",
    ),
};

function documentOf(dialect: Dialect): fc.Arbitrary<unknown> {
  const key = fc.constantFrom(...words[dialect]);
  const leaf = fc.oneof(
    key,
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom("${{ matrix.a }}", "1 week", "/x/", "actions/cache@v4", "$A == 'b'"),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "medium", withCrossShrink: true },
      leaf,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 6 }),
    ),
  }));
  return fc.dictionary(key, tree, { minKeys: 1, maxKeys: 8 });
}
