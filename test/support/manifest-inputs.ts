import * as fc from "fast-check";
import { renderProblem } from "../../src/manifest/frame.ts";
import type { Problem } from "../../src/manifest/problem.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { compilePlan } from "../../src/plan/compile.ts";

/* Manifests to break the parser with: sound ones with changes, and text that was never one. */

/** Every key, in most of its forms. */
const sound = `default: { image: alpine, timeout: 15m, after_script: [] }
variables: { A: 1.10, B: "x" }
x-steps: &steps [one, two]
x-base: &base { shell: bash, retry: 1 }
stages:
  .go:
    image: { name: golang:1.24, user: "1", pull_policy: always, platform: linux/arm64 }
    variables: { GOFLAGS: -v }
    cache: { policy: pull, when: always }
  .more: { extends: .go, cache: { paths: [.cache], key: { files: [go.sum], prefix: p } } }
  build:
    <<: *base
    script: [*steps, three]
    artifacts: { paths: [bin/], exclude: ["*.tmp"], when: always, expire_in: 30d, reports: { junit: r.xml } }
    inputs: [go.mod, "**/*.go"]
    git: { depth: 0, submodules: recursive, lfs: true }
  test:
    extends: [.go, .more]
    needs: [build, { stage: lint, optional: true, artifacts: false }]
    script:
      - make test
    matrix: { NODE: [20, "22"], OS: [alpine, slim] }
    services:
      - redis:7
      - { name: postgres, alias: db, variables: { P: 1 }, healthcheck: { test: pg_isready, interval: 1s, retries: 3 } }
    secrets: { KEY: { name: deploy-key, file: true } }
    resources: { cpus: 0.5, memory: 512m, pids: 64, shm_size: 64m }
  last:
    needs: ["test:20:alpine", test]
    script: ./deploy
    rules:
      - if: $CI_COMMIT_BRANCH == "main" && $A =~ /^x/
        changes: [src/**]
        variables: { C: y }
        allow_failure: { exit_codes: [3] }
      - { exists: [Dockerfile], when: on_failure }
      - when: never
    secrets: [TOKEN]
    retry: { max: 2, when: [engine, image], exit_codes: [7] }
    concurrency: { group: production, limit: 2, cancel_in_progress: true }
    network: none
    allow_failure: true
    success_exit: [0, 3]
    working_directory: src
    user: "1000"
`;
export const soundManifest = sound;

const lines = sound.split("\n");
const words = [...new Set(sound.match(/[A-Za-z0-9_./*-]+|\S/g))];

const nasty = fc.constantFrom(
  ..."null ~ true 0 -1 1e999 0x10 .inf .nan 1.10 [] {} [[]] '' \"\" & * << ! | > ? : - # % @ ` $ $$ ${ ${A} .. / ../x \\0 __proto__ constructor toString".split(
    " ",
  ),
  "\n",
  "\n  ",
  "\t",
  "---\n",
  "...\n",
  "&a ",
  "*a",
  "*steps",
  "*base",
  "!!binary x",
  "!reference [a, b]",
  "\r\n",
  "\u001b[31m",
  "\ud800",
  "\u2028",
  "\uFEFF",
  "é",
  "🦊",
  "9".repeat(40),
  "x".repeat(2000),
  "[".repeat(600),
  "- ".repeat(150),
);
const piece = fc.oneof(nasty, fc.constantFrom(...words), fc.string({ unit: "binary", maxLength: 4 }));

const line = fc.nat(lines.length - 1);
type Change = (all: readonly string[]) => string[];
const change: fc.Arbitrary<Change> = fc.oneof(
  line.map(
    (at): Change =>
      (all) =>
        all.toSpliced(at, 1),
  ),
  fc.tuple(line, line).map(
    ([from, to]): Change =>
      (all) =>
        all.toSpliced(to, 0, all[from] ?? ""),
  ),
  fc.tuple(line, fc.nat(8)).map(
    ([at, by]): Change =>
      (all) =>
        all.with(at % all.length, " ".repeat(by) + (all[at % all.length] ?? "").trimStart()),
  ),
  fc.tuple(line, fc.nat(12), piece).map(
    ([at, which, put]): Change =>
      (all) =>
        all.with(at % all.length, replaceWord(all[at % all.length] ?? "", which, put)),
  ),
  fc.tuple(line, fc.nat(120), fc.nat(20), piece).map(([at, from, cut, put]): Change => (all) => {
    const text = all[at % all.length] ?? "";
    return all.with(at % all.length, text.slice(0, from) + put + text.slice(from + cut));
  }),
);

function replaceWord(text: string, which: number, put: string): string {
  let index = 0;
  return text.replaceAll(/[A-Za-z0-9_./*-]+/g, (word) => (index++ === which ? put : word));
}

/** A sound manifest with a few changes. */
const mutated = fc
  .array(change, { minLength: 1, maxLength: 6 })
  .map((changes) =>
    changes.reduce<readonly string[]>((all, next) => (all.length === 0 ? all : next(all)), lines).join("\n"),
  );

const soup = fc
  .array(fc.oneof(piece, fc.constantFrom("\n", "\n  ", "\n    ", " ")), { maxLength: 60 })
  .map((all) => all.join(""));

export const manifestInputs = fc.oneof(
  { weight: 6, arbitrary: mutated },
  { weight: 3, arbitrary: soup },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
);

/** What must hold of the parser whatever it's given; throws where it doesn't. */
export function checkParser(text: string): void {
  const parsed = parseManifest(text, "m.yml");
  if ("manifest" in parsed) {
    compilePlan(parsed.manifest, { image: "alpine", timeoutSeconds: 900, successExit: [0] });
    return;
  }
  const { problems } = parsed;
  if (problems.length === 0) throw new Error("no manifest, and no problem either");
  const all = text.replace(/^\uFEFF/, "").split("\n");
  for (const [index, problem] of problems.entries()) {
    if (/[^\P{Cc}\n]|\p{Zl}/u.test(renderProblem(problem)))
      throw new Error(`not safe for a terminal: ${JSON.stringify(problem)}`);
    if (!isInside(problem, all)) throw new Error(`outside of the file: ${JSON.stringify(problem)}`);
    const before = problems[index - 1];
    if (before !== undefined && !isAfter(problem, before))
      throw new Error(`not in the file's order: ${JSON.stringify([before, problem])}`);
  }
}

function isInside({ line: number, column, length, source }: Problem, all: readonly string[]): boolean {
  const there = all[number - 1]?.replace(/\r$/, "");
  if (there === undefined || column < 1 || length < 1) return false;
  return source === "" || (source === there && column <= there.length + 1);
}

function isAfter(one: Problem, other: Problem): boolean {
  return one.line > other.line || (one.line === other.line && one.column >= other.column);
}
