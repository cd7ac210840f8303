import { Composer, Parser } from "yaml";
import { parseManifest } from "../../src/manifest/parse.ts";
import { compilePlan } from "../../src/plan/compile.ts";
import { timeCommand, type Comparison } from "./measure.ts";

/* What reading manifests costs. */

/** 1,000 stages and templates, of some 15,000 lines. */
export function thousandStages(): string {
  const stages = Array.from({ length: 500 }, (_, i) => {
    const needs = [1, 7, 30].filter((back) => i >= back).map((back) => `s${String(i - back)}`);
    return `  .t${String(i)}:
    image: { name: "golang:1.24", pull_policy: always }
    variables: { NUMBER: "${String(i)}", LEVEL: 2 }
    before_script: [echo one, echo two]
    cache: { key: { files: [go.sum] }, paths: [.cache/go] }
    retry: { max: 2, when: [engine, image] }
  s${String(i)}:
    extends: .t${String(i)}
    needs: [${needs.join(", ")}]
    variables: { OWN: "${String(i)}" }
    script:
      - go build ./...
      - go test ./...
    artifacts: { paths: [out/], expire_in: 30d }
    services: [redis:7]
    rules:
      - if: $CI_COMMIT_BRANCH == "main"
      - when: never
    timeout: 10m
`;
  });
  return `default: { image: alpine }\nstages:\n${stages.join("")}`;
}

const wrongTimeouts = ["tiemout: 10m", "timeout: soon", "timeout: 400d", "timeout: 10"];

/** 2,000 lines; every fifth of 200 stages is wrong, in one of four ways. */
export function fortyErrors(): string {
  const stages = Array.from({ length: 200 }, (_, i) => {
    const timeout = i % 5 === 0 ? wrongTimeouts[(i / 5) % 4] : "timeout: 10m";
    return `  s${String(i)}:
    image: golang:1.24
    needs: [${i === 0 ? "" : `s${String(i - 1)}`}]
    script:
      - go build ./...
      - go test ./...
      - echo done
    ${String(timeout)}
    variables:
      LEVEL: "2"
`;
  });
  return `stages:\n${stages.join("")}`;
}

export function readingComparison(): Comparison {
  const text = thousandStages();
  return {
    metric: "1,000 stages and templates read, checked and planned",
    against: "the YAML library's parser alone",
    goal: 2,
    ours: () => timed(() => planOf(text)),
    theirs: () =>
      timed(() => [...new Composer().compose(new Parser().parse(text))].map((each) => each.toJS())),
  };
}

export function validatingComparison(binary: string, folder: string): Comparison {
  return {
    metric: "validate of 2,000 lines with 40 errors (goal: 100 ms)",
    against: "version",
    goal: undefined,
    ours: () => timeCommand([binary, "validate", "--format", "json", "forty-errors.yml"], folder, 65),
    theirs: () => timeCommand([binary, "version"]),
  };
}

function planOf(text: string): unknown {
  const parsed = parseManifest(text, "m.yml");
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return compilePlan(parsed.manifest, { image: "alpine", timeoutSeconds: 900, successExit: [0] });
}

function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  work();
  return Promise.resolve(performance.now() - began);
}
