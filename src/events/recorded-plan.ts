import { count, either, flag, list, mapOf, number, oneOf, optional, record, text } from "./shape.ts";

/* The form of a plan that was stored with its run, by this version or an earlier one. */

const outcomeWhen = oneOf("on_success", "on_failure", "always");
const when = oneOf("on_success", "on_failure", "always", "never");
const allowFailure = either(flag, list(number));

const image = record({
  name: text,
  pullPolicy: oneOf("if_not_present", "always", "never"),
  platform: optional(text),
});

const artifacts = record({
  paths: list(text),
  exclude: list(text),
  when: outcomeWhen,
  expireSeconds: optional(number),
  junit: optional(list(text)),
});

const rule = record({
  if: optional(text),
  changes: optional(list(text)),
  exists: optional(list(text)),
  when: optional(when),
  variables: mapOf(text),
  allowFailure: optional(allowFailure),
});

const healthcheck = record({
  test: either(text, list(text)),
  intervalSeconds: number,
  timeoutSeconds: number,
  retries: count,
  startSeconds: number,
});

const service = record({
  image,
  alias: optional(text),
  entrypoint: optional(list(text)),
  command: optional(list(text)),
  variables: mapOf(text),
  healthcheck: optional(healthcheck),
});

const cache = record({
  key: either(text, record({ files: list(text), prefix: text })),
  fallbackKeys: list(text),
  paths: list(text),
  policy: oneOf("pull-push", "pull", "push"),
  when: outcomeWhen,
});

const resources = record({
  cpus: optional(number),
  memoryBytes: optional(count),
  pids: optional(count),
  shmBytes: optional(count),
});

export const plan = record({
  id: text,
  matrixOf: optional(text),
  image,
  shell: text,
  beforeScript: list(text),
  script: list(text),
  afterScript: list(text),
  variables: mapOf(text),
  workingDirectory: text,
  user: optional(text),
  needs: list(record({ stage: text, artifacts: flag, optional: flag })),
  when,
  timeoutSeconds: number,
  successExit: list(number),
  allowFailure,
  artifacts: optional(artifacts),
  gitDepth: count,
  gitSubmodules: optional(oneOf("normal", "recursive")),
  gitLfs: optional(flag),
  rules: optional(list(rule)),
  leftOut: optional(text),
  decided: optional(flag),
  notes: optional(list(text)),
  secrets: optional(list(record({ variable: text, name: text, file: flag, optional: optional(flag) }))),
  services: optional(list(service)),
  caches: optional(list(cache)),
  inputs: optional(list(text)),
  retry: optional(record({ max: count, when: optional(list(text)), exitCodes: optional(list(number)) })),
  resources: optional(resources),
  network: optional(oneOf("none")),
  concurrency: optional(record({ group: text, limit: count, cancelInProgress: flag })),
});
