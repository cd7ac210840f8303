import * as fc from "fast-check";
import { checkConditions, conditionInputs } from "../test/support/condition-inputs.ts";
import { checkParser, manifestInputs } from "../test/support/manifest-inputs.ts";

/**
 * `bun run fuzz [inputs] [seed]`: a million inputs for the parser of manifests and for the language of conditions, each half. The seed
 * is printed first; with it the same inputs come again. One that takes longer than five seconds is as wrong as one that throws.
 */
const longestMs = 5000;
const inputs = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);

function main(): void {
  if (!Number.isSafeInteger(inputs) || inputs < 2 || !Number.isSafeInteger(seed))
    throw new Error("usage: bun run fuzz [inputs] [seed], both whole numbers");
  console.log(`${String(inputs)} inputs, seed ${String(seed)}`);
  run("manifests", manifestInputs, checkParser);
  run("conditions", conditionInputs, checkConditions);
}

function run(what: string, texts: fc.Arbitrary<string>, check: (text: string) => void): void {
  let slowest = { ms: 0, text: "" };
  const began = performance.now();
  const timed = (text: string): void => {
    const start = performance.now();
    check(text);
    const ms = performance.now() - start;
    if (ms > slowest.ms) slowest = { ms, text };
    if (ms > longestMs) throw new Error(`took ${ms.toFixed(0)} ms`);
  };
  fc.assert(fc.property(texts, timed), { numRuns: Math.floor(inputs / 2), seed, endOnFailure: false });
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${what}: nothing found in ${seconds.toFixed(0)} s; the slowest took ${slowest.ms.toFixed(0)} ms`,
  );
}

main();
