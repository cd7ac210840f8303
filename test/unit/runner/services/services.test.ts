import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ServicePlan } from "../../../../src/plan/plan.ts";
import { healthcheck } from "../../../support/services-contract.ts";
import { Bench, eventually, latch } from "../bench.ts";

let bench: Bench;

beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench.close());

function service(alias: string, script: string, more: Partial<ServicePlan> = {}): ServicePlan {
  const image = { name: `${alias}-image`, pullPolicy: "if_not_present" } as const;
  return { image, alias, command: ["sh", "-c", script], variables: {}, ...more };
}

const up = "echo up; exec sleep 600";

async function serviceLog(runId: string, alias: string): Promise<string> {
  const path = bench.store.serviceLog(runId, alias);
  return path === undefined ? "nothing kept" : Bun.file(path).text();
}

function states(runId: string): string[] {
  return bench.store
    .services(runId)
    .map(({ alias, state, exitCode }) => `${alias} ${state} ${String(exitCode)}`);
}

test("a stage waits for its services; what became of them is told in the manifest's order", async () => {
  const slow = service("slow", up, { healthcheck: healthcheck("sleep 0.3") });
  const run = await bench.submit({
    id: "s",
    script: ["echo script"],
    services: [slow, service("quick", up)],
  });
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "SUCCESS", cause: null });
  expect(await bench.log(run.runId)).toEqual([
    "# waiting for services slow (slow-image), quick (quick-image)",
    "# service slow (slow-image): ready by its healthcheck",
    "# service quick (quick-image): ready as it runs; its image has neither a healthcheck nor an exposed port",
    "script",
  ]);
  expect(states(run.runId)).toEqual(["slow stopped null", "quick stopped null"]);
  expect(await serviceLog(run.runId, "slow")).toBe("up\n");
});

test("a service that ends before it's ready fails the stage, with its last lines in the log", async () => {
  const script = "seq -f 'line %g' 0 29; exit 4";
  const dying = service("db", script, { healthcheck: healthcheck("exit 1") });
  const waiting = service("other", up, { healthcheck: healthcheck("exit 1") });
  const run = await bench.submit({ id: "s", script: ["echo never"], services: [waiting, dying] });
  const reason = "service db (db-image) ended with exit code 4 before it was ready";
  expect(await bench.verdict(run.runId)).toMatchObject({
    status: "FAILURE",
    cause: "service",
    exitCode: null,
    reason,
  });
  const log = await bench.log(run.runId);
  expect(log.slice(0, 4)).toEqual([
    "# waiting for services other (other-image), db (db-image)",
    `# ${reason}`,
    "# last lines of service db (db-image):",
    "#   db | line 10",
  ]);
  expect(log).toHaveLength(23);
  expect(states(run.runId)).toEqual(["other stopped null", "db failed 4"]);
  expect((await serviceLog(run.runId, "db")).split("\n")).toHaveLength(31);
  await eventually(
    () => bench.leftovers().length === 0 && bench.engine.services.runs().length === 0,
    "clean",
  );
});

test("a service that ends while the stage runs is noted; the script's own result decides", async () => {
  const hold = bench.hold();
  const run = await bench.submit({
    id: "s",
    script: ["echo begun", hold.command],
    services: [service("db", up)],
  });
  await bench.printed(run.runId, "begun");
  await bench.engine.services.kill({ runId: run.runId, alias: "db" });
  await bench.printed(run.runId, "service db (db-image) ended with exit code 137 while the stage ran");
  hold.release();
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "SUCCESS" });
  expect((await bench.log(run.runId)).filter((line) => line.includes("ended"))).toHaveLength(1);
  expect(states(run.runId)).toEqual(["db ended 137"]);
});

test("when the stage fails after that, the last lines of the service stand in its log", async () => {
  const hold = bench.hold();
  const script = ["echo begun", hold.command, "exit 5"];
  const run = await bench.submit({ id: "s", script, services: [service("db", up)] });
  await bench.printed(run.runId, "begun");
  await bench.engine.services.kill({ runId: run.runId, alias: "db" });
  await bench.printed(run.runId, "while the stage ran");
  hold.release();
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "FAILURE", cause: "script", exitCode: 5 });
  expect((await bench.log(run.runId)).slice(-2)).toEqual([
    "# last lines of service db (db-image):",
    "#   db | up",
  ]);
});

test("a service gets the manifest's and the trigger's variables and its own, and neither CI_* nor more", async () => {
  const show = 'echo "$$TOP $$OVER $$OWN $$BOTH $${CI_RUN_ID:-none} $${CI:-none}"; exec sleep 600';
  const db = service("db", show, { variables: { OWN: "own-$OVER", BOTH: "$CI_STAGE_ID" } });
  const variables = { TOP: "top", OVER: "manifest" };
  const run = await bench.submit(
    { id: "s", script: ["true"], variables, services: [db] },
    { variables: { OVER: "trigger" } },
  );
  await bench.verdict(run.runId);
  expect(await serviceLog(run.runId, "db")).toBe("top trigger own-trigger s none none\n");
});

test("an image of a service that isn't there is an image failure, and nothing of the run stays", async () => {
  const missing = service("db", up, { image: { name: "missing", pullPolicy: "if_not_present" } });
  const run = await bench.submit({ id: "s", services: [missing, service("other", up)] });
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "FAILURE", cause: "image" });
  await eventually(() => bench.engine.services.runs().length === 0, "no services");
});

test("two services of one name, known so late, fail the stage with words that help", async () => {
  const image = { name: "a/db", pullPolicy: "if_not_present" } as const;
  const run = await bench.run({ id: "s", services: [service("DB", up), { image, variables: {} }] });
  expect(run).toMatchObject({
    cause: "service",
    reason: expect.stringContaining("give one of them another alias"),
  });
});

test.each(["cancel", "timeout"])("a %s while a service is waited for ends all at once", async (how) => {
  const never = service("db", up, { healthcheck: healthcheck("exit 1", { retries: 1000 }) });
  const stage = { id: "s", services: [never], timeoutSeconds: how === "timeout" ? 0.5 : 900 };
  const run = await bench.submit(stage);
  await bench.printed(run.runId, "waiting for service");
  await eventually(() => bench.engine.services.runs().length > 0, "services");
  if (how === "cancel") await bench.runner.cancel(run.runId, "test");
  const verdict = await bench.verdict(run.runId);
  expect(verdict.cause).toBe(how === "cancel" ? "canceled" : "timeout");
  expect(states(run.runId)).toEqual(["db stopped null"]);
  await eventually(
    () => bench.engine.services.runs().length === 0 && bench.leftovers().length === 0,
    "clean",
  );
});

test("a cancel while the network is made leaves no network", async () => {
  const made = latch();
  const connect = bench.engine.services.connect.bind(bench.engine.services);
  bench.engine.services.connect = async (...args) => {
    await made.opened;
    return connect(...args);
  };
  const run = await bench.submit({ id: "s", services: [service("db", up)] });
  await bench.until(run.runId, ({ status }) => status === "RUNNING");
  await bench.runner.cancel(run.runId, "test");
  made.open();
  expect((await bench.verdict(run.runId)).status).toBe("CANCELED");
  await bench.runner.idle();
  expect(bench.engine.services.runs()).toEqual([]);
});

test("the next process adopts a running stage with its services, and keeps their logs", async () => {
  const hold = bench.hold();
  const run = await bench.submit({
    id: "s",
    script: ["echo begun", hold.command],
    services: [service("db", up)],
  });
  await bench.printed(run.runId, "begun");
  await bench.restart();
  expect(bench.engine.services.runs()).toEqual([run.runId]);
  await bench.engine.services.kill({ runId: run.runId, alias: "db" });
  await bench.printed(run.runId, "while the stage ran");
  await bench.restart();
  hold.release();
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "SUCCESS" });
  expect((await bench.log(run.runId)).filter((line) => line.includes("while the stage ran"))).toHaveLength(1);
  expect(await serviceLog(run.runId, "db")).toBe("up\n");
  await bench.runner.idle();
  expect(bench.engine.services.runs()).toEqual([]);
});

test("what was begun but not opened is removed and begun anew", async () => {
  const checking = service("db", up, {
    healthcheck: healthcheck(`test -e ${bench.folder}/go`, { retries: 1000 }),
  });
  const run = await bench.submit({ id: "s", services: [checking] });
  await bench.printed(run.runId, "waiting for service");
  await eventually(() => bench.engine.services.runs().length > 0, "services");
  await bench.restart();
  await Bun.write(`${bench.folder}/go`, "");
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "SUCCESS" });
  const { attempts } = (await bench.store.load(run.runId)) ?? { attempts: 0 };
  expect(attempts).toBe(2);
  await bench.runner.idle();
  expect(bench.engine.services.runs()).toEqual([]);
});

test("services whose stage is gone go with it", async () => {
  const hold = bench.hold();
  const run = await bench.submit({
    id: "s",
    script: ["echo begun", hold.command],
    services: [service("db", up)],
  });
  await bench.printed(run.runId, "begun");
  await bench.leave();
  const stage = bench.engine.stages.get(run.runId);
  if (stage !== undefined) await bench.engine.kill(stage.handle);
  bench.engine.stages.delete(run.runId);
  await bench.runner.start();
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "FAILURE", cause: "engine" });
  await bench.runner.idle();
  expect(bench.engine.services.runs()).toEqual([]);
  hold.release();
});

test("an engine that hands over no log changes no verdict", async () => {
  bench.engine.services.log = () => Promise.reject(new Error("broken"));
  expect(await bench.run({ id: "s", services: [service("db", up)] })).toMatchObject({ status: "SUCCESS" });
  expect(bench.told.join("\n")).toContain("couldn't keep what the services of a run wrote");
});

test("a stage's own failure ends the wait for its services", async () => {
  bench.engine.before = async (verb, of) => {
    if (verb === "pull" && of === "alpine") throw new Error("no");
  };
  const checking = service("db", up, { healthcheck: healthcheck("exit 1", { retries: 1000 }) });
  const run = await bench.submit({ id: "s", services: [checking] });
  expect((await bench.verdict(run.runId)).status).toBe("FAILURE");
  await bench.runner.idle();
  expect(bench.engine.services.runs()).toEqual([]);
});

test("variables of a service that grow beyond measure fail the stage with words that help", async () => {
  const db = service("db", up, { variables: { A: "$BIG$BIG" } });
  const run = await bench.run({ id: "s", services: [db] }, { variables: { BIG: "x".repeat(60_000) } });
  expect(run).toMatchObject({
    cause: "service",
    reason: expect.stringContaining("variables of service db-image"),
  });
});

test("every try has services of its own", async () => {
  const count = `${bench.folder}/count`;
  const script = `echo try >>${count}; if [ $$(wc -l <${count}) -lt 2 ]; then echo not yet; exit 9; fi; ${up}`;
  const db = service("db", script, { healthcheck: healthcheck(`test $(wc -l <${count}) = 2`) });
  const run = await bench.submit({ id: "s", services: [db], retry: { max: 2, when: ["service"] } });
  expect(await bench.verdict(run.runId)).toMatchObject({ status: "SUCCESS" });
  const log = await bench.log(run.runId);
  expect(log.slice(0, 5)).toEqual([
    "# waiting for service db (db-image)",
    "# service db (db-image) ended with exit code 9 before it was ready",
    "# last lines of service db (db-image):",
    "#   db | not yet",
    "# try 1 of 3 failed (service: service db (db-image) ended with exit code 9 before it was ready); now comes try 2 of 3",
  ]);
  expect(states(run.runId)).toEqual(["db stopped null"]);
  expect(await serviceLog(run.runId, "db")).toBe("up\n");
});

test("why a service failed is told although the engine hands over no log", async () => {
  bench.engine.services.log = () => Promise.reject(new Error("broken"));
  const db = service("db", "exit 3", { healthcheck: healthcheck("exit 1") });
  const run = await bench.submit({ id: "s", services: [db] });
  const reason = "service db (db-image) ended with exit code 3 before it was ready";
  expect(await bench.verdict(run.runId)).toMatchObject({ cause: "service", reason });
  expect(await bench.log(run.runId)).toEqual(["# waiting for service db (db-image)", `# ${reason}`]);
});
