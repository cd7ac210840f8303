/** Keys that people bring along from other runners, and the key that says it here. */
const here: Readonly<Record<string, string>> = {
  only: "rules",
  except: "rules",
  if: "rules",
  stage: "needs",
  dependencies: "needs",
  depends_on: "needs",
  parallel: "matrix",
  strategy: "matrix",
  resource_group: "concurrency",
  interruptible: "concurrency",
  steps: "script",
  run: "script",
  commands: "script",
  container: "image",
  env: "variables",
  environment: "variables",
  jobs: "stages",
  pipeline: "stages",
};

/** Of the keys that are known, the one that says what `word` says elsewhere. */
export function sameElsewhere(word: string, known: readonly string[]): string | undefined {
  const meant = Object.hasOwn(here, word) ? here[word] : undefined;
  return meant !== undefined && known.includes(meant) ? meant : undefined;
}
