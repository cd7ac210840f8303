import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decide } from "../../../src/runner/decide.ts";
import { RunnerError } from "../../../src/shared/errors.ts";
import { resolveCommit } from "../../../src/source/repository.ts";
import type { Source } from "../../../src/source/source.ts";
import { createRepository, type TestRepository } from "../../support/repository.ts";
import { Bench, codeOf, planOf } from "./bench.ts";

let bench: Bench;
let repository: TestRepository;
let source: Source;
const identity = { runnerId: "runner-1", version: "1.2.3" };
const { signal } = new AbortController();

beforeAll(async () => {
  bench = await Bench.open();
  repository = await createRepository({ bare: true, files: { "src/a": "1" } });
  source = {
    kind: "repository",
    gitDir: repository.gitDir,
    commit: await resolveCommit(repository, undefined, signal),
  };
});
afterAll(async () => {
  await bench.close();
  await repository.remove();
});

test("rules see the manifest's variables, the trigger's over them and the given ones over both", async () => {
  const rules = [
    {
      if: '$LEVEL == "1-main" && $SENT == "$LEVEL" && $CI_STAGE_ID == "a" && $CI_RUN_ID != null && $CI == "true"',
      variables: {},
    },
  ];
  const variables = { SENT: "manifest", LEVEL: "1-$CI_COMMIT_BRANCH", CI: "forged" };
  const state = await bench.submit({ id: "a", rules, variables }, { source, variables: { SENT: "$LEVEL" } });
  expect(state.plan.leftOut).toBeUndefined();
  expect(state.plan.rules).toBeUndefined();
});

test("a secret is nothing to a rule, neither alone nor as a part", async () => {
  const secrets = [{ variable: "TOKEN", name: "TOKEN", file: false }];
  const rules = [{ if: '$TOKEN || $URL != "https://@host"', variables: {} }];
  const variables = { URL: "https://$TOKEN@host" };
  const state = await bench.submit({ id: "b", rules, secrets, variables }, { source });
  expect(state.plan.leftOut).toStartWith("none of its rules applies");
  expect(JSON.stringify(state)).not.toContain("\\u0000");
});

test("a secret in a key that is stored and shown is refused, through other variables too", async () => {
  const secrets = [{ variable: "TOKEN", name: "TOKEN", file: false }];
  const image = { name: "host/$URL", pullPolicy: "never" } as const;
  const submitted = bench.submit({ id: "c", image, secrets, variables: { URL: "x$TOKEN" } });
  expect(await submitted.catch((error: unknown) => error)).toMatchObject({
    code: "invalid_request",
    message: `"image" of stage "c" can't be used: it refers to a secret, and would be stored and shown`,
  });
});

test("keys are expanded with the variables that a rule brings, and with the run's id", async () => {
  const image = { name: "alpine:$TAG", pullPolicy: "never" } as const;
  const concurrency = { group: "$CI_RUN_ID", limit: 1, cancelInProgress: false };
  const rules = [{ variables: { TAG: "from-rule" } }];
  const state = await bench.submit({ id: "d", image, rules, concurrency, variables: { TAG: "stage" } });
  expect(state.plan).toMatchObject({
    image: { name: "alpine:from-rule" },
    concurrency: { group: state.runId },
  });
});

test("what was decided isn't decided again: a dollar stays one", async () => {
  const concurrency = { group: "$$CI", limit: 1, cancelInProgress: false };
  const first = await bench.submit({ id: "e", concurrency });
  const again = await bench.submit(first.plan);
  expect([first, again].map(({ plan }) => plan.concurrency?.group)).toEqual(["$CI", "$CI"]);
});

test("a run that its rules leave out is PASSED, its log and its reason say which were tried", async () => {
  const rules = [
    { if: "$NOPE", variables: {} },
    { exists: ["*.go"], variables: {} },
  ];
  const { runId } = await bench.submit(
    { id: "f", rules, image: { name: "$NOPE", pullPolicy: "never" } },
    { source },
  );
  const reason =
    "passed over: none of its rules applies (rule 1: $NOPE is false; rule 2: nothing of *.go exists)";
  expect(await bench.verdict(runId)).toMatchObject({ status: "PASSED", cause: null, reason });
  expect(await bench.log(runId)).toEqual([`# ${reason}`]);
});

test("what couldn't be told exactly stands before everything else in the log", async () => {
  const rules = [{ changes: ["none"], variables: {} }];
  const { runId } = await bench.submit({ id: "g", rules, script: ["echo hello"] }, { source });
  expect(await bench.verdict(runId)).toMatchObject({ status: "SUCCESS" });
  expect(await bench.log(runId)).toEqual([
    "# rules: all files count as changed, since there is no commit before it",
    "hello",
  ]);
});

test("the stages of one exec look at their source once", async () => {
  const folder = join(bench.source, "more");
  const tree: Source = { kind: "tree", folder: bench.source };
  const facts = (exists: string) => ({
    runId: "r",
    request: bench.request("x", { source: tree }),
    plan: planOf({ id: "x", rules: [{ exists: [exists], variables: {} }] }),
  });
  expect((await decide(facts("README"), identity, signal)).leftOut).toBeUndefined();
  writeFileSync(folder, "");
  expect((await decide(facts("more"), identity, signal)).leftOut).toBeDefined();
});

test("of several at once all are accepted or none", async () => {
  const before = bench.store.runs().length;
  const good = { request: bench.request("one"), plan: planOf("one") };
  const bad = { request: bench.request("two"), plan: planOf({ id: "two", user: "$ABSENT" }) };
  expect(await codeOf(bench.runner.submitAll([good, bad]))).toBe("invalid_request");
  expect(bench.store.runs()).toHaveLength(before);
  const accepted = await bench.runner.submitAll([good, { ...good, plan: planOf("three") }]);
  expect(accepted.map(({ plan }) => plan.id)).toEqual(["one", "three"]);
});

test("variables that double without end are refused before anything is accepted", async () => {
  const huge = Array.from({ length: 20 }, (_, index) => [
    `V${String(index)}`,
    `$V${String(index + 1)}$V${String(index + 1)}`,
  ]);
  const submitted = bench.submit({ id: "h", variables: { ...Object.fromEntries(huge), V20: "x" } });
  expect(await codeOf(submitted)).toBe("invalid_request");
});

const combination = (id: string) => planOf({ id, matrixOf: "test" });

test("the Idempotency-Key of a matrix holds for all its combinations, after a restart too", async () => {
  const common = { idempotencyKey: "key-1", fingerprint: "f", combinations: 2 };
  const wanted = ["test:a", "test:b"].map((id) => ({
    request: bench.request(id, common),
    plan: combination(id),
  }));
  const [first, second] = await Promise.all([bench.runner.submitAll(wanted), bench.runner.submitAll(wanted)]);
  expect(second).toEqual(first);
  for (const { runId } of first) await bench.verdict(runId);
  await bench.restart();
  const repeated = await bench.runner.repeated("key-1", "f");
  expect(repeated?.map(({ runId }) => runId)).toEqual(first.map(({ runId }) => runId));
  expect(bench.store.newestCombinationsOf("test")).toEqual(first.map(({ runId }) => runId));
  expect(await codeOf(bench.runner.repeated("key-1", "other"))).toBe("conflict");
});

test("combinations that a crash left out are accepted when the trigger comes again", async () => {
  const common = { idempotencyKey: "key-2", fingerprint: "f", combinations: 2 };
  const wanted = ["test:c", "test:d"].map((id) => ({
    request: bench.request(id, common),
    plan: combination(id),
  }));
  const { runId } = await bench.store.accept(
    Bun.randomUUIDv7(),
    bench.request("test:c", common),
    combination("test:c"),
  );
  expect(await bench.runner.repeated("key-2", "f")).toBeUndefined();
  const runs = await bench.runner.submitAll(wanted);
  expect(runs.map(({ request }) => request.stageId)).toEqual(["test:c", "test:d"]);
  expect(runs[0]?.runId).toBe(runId);
  expect(await bench.runner.repeated("key-2", "f")).toHaveLength(2);
});

test("what can't be stored as a whole is withdrawn, and may come again with its key", async () => {
  const common = { idempotencyKey: "key-3", fingerprint: "f", combinations: 2 };
  const wanted = ["test:e", "test:f"].map((id) => ({
    request: bench.request(id, common),
    plan: combination(id),
  }));
  const accept = bench.store.accept.bind(bench.store);
  bench.store.accept = (runId, request, plan) =>
    plan.id === "test:f"
      ? Promise.reject(new RunnerError("disk_full", "full"))
      : accept(runId, request, plan);
  expect(await codeOf(bench.runner.submitAll(wanted))).toBe("disk_full");
  bench.store.accept = accept;
  expect(await bench.verdict(bench.store.newestRunOf("test:e") ?? "none")).toMatchObject({
    status: "CANCELED",
  });
  const runs = await bench.runner.submitAll(wanted);
  expect(runs.map(({ status }) => status)).toEqual(["PENDING", "PENDING"]);
  expect(await bench.runner.repeated("key-3", "f")).toHaveLength(2);
});

test("a run whose withdrawal can't be stored either is withdrawn later, and never runs", async () => {
  const common = { idempotencyKey: "key-4", fingerprint: "f", combinations: 2 };
  const wanted = ["test:i", "test:j"].map((id) => ({
    request: bench.request(id, common),
    plan: combination(id),
  }));
  const { store } = bench;
  const [accept, record] = [store.accept.bind(store), store.record.bind(store)];
  const full = (): Promise<never> => Promise.reject(new RunnerError("disk_full", "full"));
  store.accept = (runId, request, plan) => (plan.id === "test:j" ? full() : accept(runId, request, plan));
  store.record = full;
  expect(await codeOf(bench.runner.submitAll(wanted))).toBe("disk_full");
  const withdrawn = store.newestRunOf("test:i") ?? "none";
  store.accept = accept;
  store.record = record;
  const runs = await bench.runner.submitAll(wanted);
  expect(runs.map(({ runId }) => runId)).not.toContain(withdrawn);
  expect(await bench.verdict(withdrawn)).toMatchObject({ status: "CANCELED" });
  for (const { runId } of runs) expect((await bench.verdict(runId)).status).not.toBe("CANCELED");
});

test("a matrix that the queue has no room for is refused as a whole", async () => {
  const before = bench.store.runs().length;
  bench.settings.queueLimit = 1;
  const wanted = ["test:g", "test:h"].map((id) => ({ request: bench.request(id), plan: combination(id) }));
  expect(await codeOf(bench.runner.submitAll(wanted))).toBe("queue_full");
  bench.settings.queueLimit = 100;
  expect(bench.store.runs()).toHaveLength(before);
});

test("a run that is left out waits for no slot, and puts an end to nobody", async () => {
  bench.settings.concurrency = 1;
  const held = bench.hold();
  const group = { group: "g", limit: 1, cancelInProgress: true };
  const running = await bench.submit({ id: "long", script: [held.command], concurrency: group });
  await bench.until(running.runId, ({ status }) => status === "RUNNING");
  const left = { id: "left", concurrency: group, rules: [{ if: "$NOPE", variables: {} }] };
  const { runId } = await bench.submit(left, { pipelineId: "newer" });
  expect(await bench.verdict(runId)).toMatchObject({ status: "PASSED" });
  held.release();
  expect(await bench.verdict(running.runId)).toMatchObject({ status: "SUCCESS" });
  bench.settings.concurrency = 4;
});
