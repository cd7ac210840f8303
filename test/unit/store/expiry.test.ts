import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/shared/clock.ts";
import { artifactsFolder } from "../../../src/store/layout.ts";
import { Store } from "../../../src/store/store.ts";
import { acceptRun, failureOf, finished, newFolder, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const never = new AbortController().signal;

interface Bench {
  readonly folder: string;
  readonly clock: { aheadMs: number };
  store: Store;
  readonly keep: (expireSeconds?: number) => Promise<string>;
}

async function bench(): Promise<Bench> {
  const folder = newFolder();
  const workspace = newFolder();
  writeFileSync(join(workspace, "a"), "a");
  const clock = { aheadMs: 0 };
  const now = (): number => systemClock.now() + clock.aheadMs;
  const store = await Store.open({ folder, durable: true, clock: { ...systemClock, now } });
  const keep = async (expireSeconds?: number): Promise<string> => {
    const runId = await acceptRun(store);
    const plan = { paths: ["a"], exclude: [], when: "always" } as const;
    await store.collectArtifacts(
      runId,
      workspace,
      expireSeconds === undefined ? plan : { ...plan, expireSeconds },
      never,
    );
    return runId;
  };
  return { folder, clock, store, keep };
}

test("artifacts expire by the clock, and the sweep takes what is due of runs that are over", async () => {
  const { folder, clock, store, keep } = await bench();
  const [soon, later, ever, running] = [await keep(10), await keep(1000), await keep(), await keep(10)];
  for (const runId of [soon, later, ever]) await store.record(runId, finished);
  expect(await store.runArtifacts.sweep()).toEqual([]);
  clock.aheadMs = 11_000;
  expect(await store.artifacts(soon)).toEqual([]);
  expect(store.runArtifacts.list(soon)).toMatchObject({ isExpired: true });
  expect(await store.artifacts(later)).toHaveLength(1);
  expect(await store.runArtifacts.sweep()).toEqual([soon]);
  expect(await store.runArtifacts.sweep()).toEqual([]);
  expect(readdirSync(artifactsFolder(folder, soon))).toEqual(["artifacts.json"]);
  expect(existsSync(join(artifactsFolder(folder, running), "files"))).toBe(true);
  await store.record(running, finished);
  expect(await store.runArtifacts.sweep()).toEqual([running]);
  expect(readdirSync(join(folder, "expiring"))).toHaveLength(1);
  clock.aheadMs = 10 ** 12;
  expect(await store.runArtifacts.sweep()).toEqual([later]);
  expect(await store.artifacts(ever)).toHaveLength(1);
  const failure = await failureOf(store.placeArtifacts(soon, newFolder()));
  expect(failure).toMatchObject({
    code: "artifacts_invalid",
    message: expect.stringContaining("expired at"),
  });
});

test("a crash between any two steps leaves nothing that is deleted too early or never", async () => {
  const { folder, clock, store, keep } = await bench();
  // Noted, and never sealed; sealed anew with another time; nonsense; a run that is gone.
  const unsealed = await acceptRun(store);
  await store.runArtifacts.expireIn(unsealed, 10);
  await store.record(unsealed, finished);
  const again = await keep(1000);
  await store.runArtifacts.expireIn(again, 10);
  await store.record(again, finished);
  const odd = ["", "x", "../../x", "2000-01-01T00:00:00.000Z_../../x", "2000_", `2000_${Bun.randomUUIDv7()}`];
  for (const name of odd.filter((each) => each !== "" && !each.includes("/")))
    writeFileSync(join(folder, "expiring", name), "");
  mkdirSync(join(folder, "expiring", "2000_folder"));
  clock.aheadMs = 11_000;
  expect(await store.runArtifacts.sweep()).toEqual([]);
  expect(await store.artifacts(again)).toHaveLength(1);
  clock.aheadMs = 1_001_000;
  expect(await store.runArtifacts.sweep()).toEqual([again]);
});

test("what later runs stand on outlives the run whose artifacts expire, and expires with the newest", async () => {
  const { clock, store, keep } = await bench();
  const first = await keep(10);
  await store.record(first, { ...finished, artifacts: 1 });
  const place = { orgId: "o1", repoId: "r1", stageId: "build" };
  const digest = await store.standIns.digestOf("x");
  const standIn = { runId: first, pipelineId: "p1", finishedAt: "", artifacts: 1, parts: {} };
  await store.standIns.publish(place, digest, standIn);
  const second = await acceptRun(store);
  const expiresAt = await store.runArtifacts.expireIn(second, 1000);
  expect(await store.standIns.serve(place, digest, { runId: second, expiresAt })).toBe(1);
  await store.record(second, { ...finished, status: "PASSED", artifacts: 1 });
  clock.aheadMs = 11_000;
  expect(store.standIns.find(place, digest)).toBeUndefined();
  await store.standIns.used(place, digest, second);
  expect(store.standIns.find(place, digest)).toMatchObject({ runId: first });
  expect(await store.runArtifacts.sweep()).toEqual([first]);
  expect(await store.placeArtifacts(second, newFolder())).toBe(1);
  clock.aheadMs = 1_001_000;
  expect(store.standIns.find(place, digest)).toBeUndefined();
});
