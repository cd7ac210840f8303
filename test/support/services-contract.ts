import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { Engine, StageSpec } from "../../src/engine/engine.ts";
import type { ServiceSpec } from "../../src/engine/services.ts";
import type { HealthcheckPlan } from "../../src/plan/plan.ts";
import { codeOf, type EngineUnderTest } from "./engine-under-test.ts";

const never = new AbortController().signal;
const sleeping = ["sh", "-c", "echo up; exec sleep 600"];

/** What every engine must hold of services. docs: src/engine/services.ts. */
export function servicesContract(under: EngineUnderTest): void {
  describe(`the services of ${under.name}`, () => {
    let engine: Engine;
    let folder: string;
    let count = 0;

    beforeAll(async () => {
      folder = await mkdtemp(`${tmpdir()}/services-`);
      engine = await under.open();
    });
    afterAll(async () => {
      const removed = await engine.sweep(new Set());
      await rm(folder, { recursive: true, force: true });
      expect(removed).toEqual([]);
    });

    function specOf(command: readonly string[], more: Partial<ServiceSpec> = {}): ServiceSpec {
      const runId = `services-${String(process.pid)}-${String(++count)}`;
      return {
        runId,
        stageId: "stage",
        alias: "db",
        names: ["db"],
        image: { name: under.image, pullPolicy: "if_not_present" },
        command,
        environment: {},
        ...more,
      };
    }

    async function begin(spec: ServiceSpec): Promise<void> {
      await engine.services.connect({ runId: spec.runId, stageId: spec.stageId }, never);
      await engine.pull(spec.image, () => {}, never);
      await engine.services.start(spec, never);
    }

    /** Begins it, does the work, and removes the run whatever happened. */
    async function during<T>(spec: ServiceSpec, work: () => Promise<T>): Promise<T> {
      try {
        await begin(spec);
        return await work();
      } finally {
        await engine.remove(spec.runId);
      }
    }

    test("a service runs beside a stage until it's removed, and its words are there to be read", async () => {
      const spec = specOf(sleeping);
      await during(spec, async () => {
        expect(await engine.services.ready(spec, never)).toEqual({ by: "running" });
        expect(await engine.services.inspect(spec, never)).toBeUndefined();
        expect(await engine.services.log(spec, undefined, never)).toEqual({ lines: ["up"], isCut: false });
      });
      expect(await engine.services.inspect(spec, never)).toEqual({ exitCode: null, outOfMemory: false });
      expect(await engine.services.log(spec, undefined, never)).toBeUndefined();
    });

    test("a stage with services is made on their network", async () => {
      const service = specOf(sleeping);
      const { runId } = service;
      const stage: StageSpec = {
        runId,
        stageId: "stage",
        image: service.image,
        shell: under.shell,
        beforeScript: [],
        script: ["exit 3"],
        afterScript: [],
        workingDirectory: ".",
        services: [{ image: service.image, variables: {} }],
        workspace: `${folder}/${runId}/workspace`,
        room: `${folder}/${runId}/room`,
        ephemeral: false,
      };
      await during(service, async () => {
        const handle = await engine.create(stage, never);
        await engine.start(handle, never);
        await engine.open(handle, { environment: {} }, never);
        const output = engine.follow(handle, undefined, never);
        let next = await output.next();
        while (next.done !== true) next = await output.next();
        expect(next.value.exitCode).toBe(3);
        expect(await engine.services.inspect(service, never)).toBeUndefined();
      });
    });

    test("a healthcheck is waited for, in the service, as a string for a shell or as words", async () => {
      for (const isText of [true, false]) {
        const flag = `/tmp/gitfoss-ready-${String(process.pid)}-${String(isText)}`;
        const check = isText ? `test -e ${flag}` : ["test", "-e", flag];
        const command = ["sh", "-c", `sleep 0.5; : >${flag}; sleep 600`];
        const spec = specOf(command, { healthcheck: healthcheck(check) });
        const began = performance.now();
        expect(await during(spec, () => engine.services.ready(spec, never))).toEqual({ by: "healthcheck" });
        expect(performance.now() - began).toBeGreaterThan(400);
        await rm(flag, { force: true });
      }
    });

    test("a healthcheck that never succeeds is a failure of the service, with what it said", async () => {
      for (const check of ["echo no luck; exit 1", "echo no luck; sleep 60"]) {
        const spec = specOf(sleeping, { healthcheck: healthcheck(check, { retries: 1, timeoutSeconds: 1 }) });
        const error = await during(spec, () => failureOf(engine.services.ready(spec, never)));
        expect(error.message).toContain(`service db (${under.image}) isn't healthy`);
        expect(error.message).toContain(check.endsWith("1") ? "no luck" : "no answer within 1 s");
      }
    });

    test("a healthcheck that can't be run is one that fails", async () => {
      const spec = specOf(sleeping, { healthcheck: healthcheck(["/no/such/program"], { retries: 1 }) });
      const error = await during(spec, () => failureOf(engine.services.ready(spec, never)));
      expect(error.message).toContain("/no/such/program");
    });

    test("a service that ends before it is ready has failed, with its exit code", async () => {
      const spec = specOf(["sh", "-c", "echo one; echo two >&2; exit 3"], {
        healthcheck: healthcheck("exit 1"),
      });
      await during(spec, async () => {
        const error = await failureOf(engine.services.ready(spec, never));
        expect(error.message).toBe(`service db (${under.image}) ended with exit code 3 before it was ready`);
        const log = await engine.services.log(spec, undefined, never);
        expect(log?.lines.toSorted()).toEqual(["one", "two"]);
        expect(await engine.services.inspect(spec, never)).toEqual({ exitCode: 3, outOfMemory: false });
      });
    });

    test("a service without a program to start has failed", async () => {
      const spec = specOf(["/no/such/program"]);
      const error = await failureOf(during(spec, async () => {}));
      expect(error.message).toStartWith(`service db (${under.image}) couldn't be started`);
    });

    test("its environment reaches it as it is, and the last lines are the last", async () => {
      const value = `a'b"c $(id) \`id\` \\ two`;
      const command = ["sh", "-c", 'for i in 1 2 3; do echo "$i $VALUE"; done; sleep 600'];
      const spec = specOf(command, { environment: { VALUE: value } });
      await during(spec, async () => {
        await engine.services.ready(spec, never);
        const log = await engine.services.log(spec, 2, never);
        expect(log?.lines).toEqual([`2 ${value}`, `3 ${value}`]);
      });
    });

    test("an end is told to whoever waits for it", async () => {
      const spec = specOf(sleeping);
      await during(spec, async () => {
        const ended = engine.services.ended(spec, never);
        await under.killService(engine, spec);
        expect(await ended).toEqual({ exitCode: 137, outOfMemory: false });
      });
    });

    test("an aborted signal ends a wait at once", async () => {
      const spec = specOf(sleeping, { healthcheck: healthcheck("exit 1") });
      await during(spec, async () => {
        for (const wait of ["ready", "ended"] as const) {
          const leaving = new AbortController();
          const waiting = engine.services[wait](spec, leaving.signal);
          leaving.abort(new Error("enough"));
          expect(waiting).rejects.toThrow("enough");
          await waiting.catch(() => {});
        }
      });
    });

    test("a run has no second service of a name", async () => {
      const spec = specOf(sleeping);
      await during(spec, async () => {
        expect(await codeOf(engine.services.start(spec, never))).toBe("conflict");
      });
    });

    test("sweep removes the services of runs that are over, and no others", async () => {
      const [live, stale, bare] = [specOf(sleeping), specOf(sleeping), specOf([])];
      try {
        await begin(live);
        await begin(stale);
        await engine.services.connect({ runId: bare.runId, stageId: "stage" }, never);
        const removed = await engine.sweep(new Set([live.runId]));
        expect(removed.toSorted()).toEqual([stale.runId, bare.runId].toSorted());
        expect(await engine.services.inspect(live, never)).toBeUndefined();
        expect(await engine.services.inspect(stale, never)).toBeDefined();
      } finally {
        await engine.remove(live.runId);
      }
    });
  });
}

export function healthcheck(
  check: string | readonly string[],
  more: Partial<HealthcheckPlan> = {},
): HealthcheckPlan {
  return { test: check, intervalSeconds: 1, timeoutSeconds: 10, retries: 30, startSeconds: 0, ...more };
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    () => new Error("no error"),
    (thrown: unknown) => thrown,
  );
  expect(await codeOf(Promise.reject(error))).toBe("service_failed");
  return error instanceof Error ? error : new Error(String(error));
}
