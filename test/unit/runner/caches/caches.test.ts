import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CachePlan } from "../../../../src/plan/plan.ts";
import { cacheFolder } from "../../../../src/store/layout.ts";
import { Bench } from "../bench.ts";

let bench: Bench;
afterEach(() => bench.close());

function cache(more: Partial<CachePlan> = {}): CachePlan {
  return { key: "k", fallbackKeys: [], paths: ["deps"], policy: "pull-push", when: "on_success", ...more };
}

const note = (text: string) => [
  "mkdir -p deps",
  `cat deps/who 2>/dev/null || true`,
  `echo ${text} >deps/who`,
];

/** The source is a plain folder, so that what is said to be its commit is only looked at by us. */
function on(branch: string | undefined, more: object = {}) {
  const commit = { sha: "a".repeat(40), ref: "x", message: "m", defaultBranch: "main", ...more };
  return { commit: branch === undefined ? commit : { ...commit, branch } };
}

/** What the runner said of caches, without sizes and times. */
async function run(
  text: string,
  where: object,
  caches: readonly CachePlan[] = [cache()],
): Promise<readonly string[]> {
  const source = { kind: "tree", folder: bench.source, ...where } as const;
  const { runId } = await bench.submit({ id: "build", script: note(text), caches }, { source });
  await bench.verdict(runId);
  const lines = await bench.log(runId);
  return lines.map((line) =>
    line.replace(/^# cache: /, "").replace(/,( saved \d+s ago,)? [\d.]+ k?B, in [\d.]+s$/, ""),
  );
}

test("a branch reads its own cache, else the default branch's, and never writes that one", async () => {
  bench = await Bench.open();
  expect(await run("main1", on("main"))).toEqual([
    "nothing for k; tried k (branch main)",
    "saved k (branch main)",
  ]);
  expect(await run("side1", on("side"))).toEqual([
    "restored k (branch main)",
    "main1",
    "saved k (branch side)",
  ]);
  expect(await run("side2", on("side"))).toEqual([
    "restored k (branch side)",
    "side1",
    "saved k (branch side)",
  ]);
  expect(await run("main2", on("main"))).toEqual([
    "restored k (branch main)",
    "main1",
    "saved k (branch main)",
  ]);
  expect(await run("other", on("other"))).toEqual([
    "restored k (branch main)",
    "main2",
    "saved k (branch other)",
  ]);
});

test("a tag or a bare commit reads the default branch's cache and saves none", async () => {
  bench = await Bench.open();
  const why = "k isn't saved: a tag or a commit without a branch saves none";
  expect(await run("x", on(undefined, { tag: "v1" }))).toEqual(["nothing for k; tried k (branch main)", why]);
  await run("main1", on("main"));
  expect(await run("x", on(undefined))).toEqual(["restored k (branch main)", "main1", why]);
  expect((await run("x", on(undefined, { defaultBranch: undefined })))[0]).toStartWith(
    "nothing for k; without a branch",
  );
});

test("a folder outside of git has a cache of its own", async () => {
  bench = await Bench.open();
  expect(await run("x", {})).toEqual(["nothing for k; tried k", "saved k"]);
  expect(await run("y", {})).toEqual(["restored k", "x", "saved k"]);
});

test("hostile names of branches and keys are names and nothing more", async () => {
  bench = await Bench.open();
  for (const name of ["../../../etc", "a/../b", "%2e%2e", "x".repeat(250), "main\u0000", "é\n[31m"]) {
    const lines = await run("x", on(name), [cache({ key: name })]);
    expect(lines.length).toBe(2);
    expect(lines.join("\n")).toMatch(/^nothing for [^\n]*\nsaved [^\n]*$/);
  }
});

test("each key is tried in the branch, then in the default one, before the next key", async () => {
  bench = await Bench.open();
  const [first] = await run("x", on("side"), [cache({ key: "a", fallbackKeys: ["b", "a", "c"] })]);
  const tried = ["a", "b", "c"].flatMap((key) => [`${key} (branch side)`, `${key} (branch main)`]);
  expect(first).toBe(`nothing for a; tried ${tried.join(", ")}`);
  await run("on main", on("main"), [cache({ key: "c" })]);
  await run("on side", on("side"), [cache({ key: "c" })]);
  expect((await run("x", on("side"), [cache({ key: "a2", fallbackKeys: ["c"] })]))[0]).toBe(
    "restored c (branch side)",
  );
});

test("a run that was adopted saves by the key that it was begun with", async () => {
  bench = await Bench.open();
  writeFileSync(join(bench.source, "lock"), "one");
  const hold = bench.hold();
  const caches = [cache({ key: { files: ["lock"], prefix: "p" } })];
  const script = ["echo two >lock; mkdir deps; echo x >deps/a; echo waiting", hold.command];
  const { runId } = await bench.submit({ id: "build", script, caches });
  await bench.printed(runId, "waiting");
  await bench.restart();
  hold.release();
  await bench.verdict(runId);
  const lines = (await bench.log(runId)).join("\n");
  const [, key = ""] = /nothing for (p-[0-9a-f]{20}); tried/.exec(lines) ?? [];
  expect(key).not.toBe("");
  expect(lines).toContain(`cache: saved ${key}`);
});

test("a canceled run saves nothing, a run that timed out what is saved on failure", async () => {
  bench = await Bench.open();
  const hold = bench.hold();
  const script = ["mkdir deps; echo x >deps/a; echo waiting", hold.command];
  const { runId } = await bench.submit({ id: "build", script, caches: [cache({ when: "always" })] });
  await bench.printed(runId, "waiting");
  await bench.runner.cancel(runId, "test");
  await bench.verdict(runId);
  expect((await bench.log(runId)).join("\n")).not.toContain("saved");
  const late = { id: "late", script, caches: [cache({ when: "on_failure" })], timeoutSeconds: 1 };
  const timedOut = await bench.submit(late);
  expect(await bench.verdict(timedOut.runId)).toMatchObject({ cause: "timeout" });
  expect((await bench.log(timedOut.runId)).join("\n")).toContain("cache: saved k");
});

test.each(["cancel", "stop"] as const)("a %s doesn't wait for a cache to be saved", async (how) => {
  bench = await Bench.open();
  const saving = Promise.withResolvers<void>();
  bench.store.cache.save = (_, signal) => {
    saving.resolve();
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("given up")));
    });
  };
  const script = ["mkdir deps; echo x >deps/a"];
  const { runId } = await bench.submit({ id: "build", script, caches: [cache()] });
  await saving.promise;
  if (how === "cancel") await bench.runner.cancel(runId, "test");
  else await bench.leave();
  expect((await bench.verdict(runId)).status).toBe("SUCCESS");
  expect((await bench.log(runId)).at(-1)).toEndWith("it was canceled, or the runner stopped");
});

test("a cache that can't be reached is told in the log and fails nothing", async () => {
  bench = await Bench.open();
  mkdirSync(bench.stateFolder, { recursive: true });
  writeFileSync(cacheFolder(bench.stateFolder), "a file");
  const lines = await run("x", {});
  expect(lines[0]).toBe("nothing for k; tried k");
  expect(lines[1]).toStartWith("k isn't saved: can't write a cache");
  expect(lines.length).toBe(2);
});

test("what is in the way of a cache is told, and the stage runs on what the repository has", async () => {
  bench = await Bench.open();
  await run("cached", {});
  const outside = join(bench.folder, "outside");
  mkdirSync(outside);
  chmodSync(outside, 0o777);
  symlinkSync(outside, join(bench.source, "deps"));
  const [first, ...rest] = await run("x", {});
  expect(first).toBe(`k isn't restored: "deps" is a symbolic link in the workspace`);
  expect(rest.join("\n")).not.toContain("cached");
});

test("the files of a key count by name and content, and links for nothing", async () => {
  bench = await Bench.open();
  const files = cache({ key: { files: ["*.lock", "link"], prefix: "p" } });
  const keyNow = async (): Promise<string> => {
    const lines = (await run("x", {}, [files])).join("\n");
    return /(?:nothing for|restored) (\S+?)(?:;|$|\n)/.exec(lines)?.[1] ?? lines;
  };
  symlinkSync("/etc/passwd", join(bench.source, "link"));
  expect(await keyNow()).toBe("p-default");
  writeFileSync(join(bench.source, "a.lock"), "one");
  const one = await keyNow();
  writeFileSync(join(bench.source, "b.lock"), "");
  const two = await keyNow();
  writeFileSync(join(bench.source, "b.lock"), "x");
  const keys = [one, two, await keyNow()];
  expect(new Set(keys).size).toBe(3);
  for (const key of keys) expect(key).toMatch(/^p-[0-9a-f]{20}$/);
  expect(await keyNow()).toBe(keys[2] ?? "");
});
