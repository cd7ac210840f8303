import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secrets } from "../../../src/store/secrets.ts";

let folder: string;
let secrets: Secrets;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gitfoss-secrets-"));
  secrets = new Secrets(folder, false);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const [one, other] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
const setAt = "2026-01-31T12:00:00.000Z";
const heldFile = (runId: string): string => join(folder, "secrets/.held", runId);

/** As the next process has them. */
function anew(): Secrets {
  return new Secrets(folder, false);
}

test("what a run was given and what it asked for are there after a restart, and gone once it's removed", async () => {
  await secrets.held.hold(one, { A: "value of a", B: "é\n" });
  await secrets.held.addMasks(one, ["first", "second"]);
  await secrets.held.addMasks(one, ["third"]);
  expect(await anew().held.read(one)).toEqual({
    values: { A: "value of a", B: "é\n" },
    masks: ["first", "second", "third"],
  });
  secrets.held.remove(one);
  secrets.held.remove(one);
  expect(await anew().held.read(one)).toEqual({ values: {}, masks: [] });
});

test("a torn last line is what comes again; anything else that can't be read is an error, and nothing is shown", async () => {
  await secrets.held.hold(one, { A: "value" });
  await secrets.held.addMasks(one, ["mask"]);
  const whole = readFileSync(heldFile(one), "utf8");
  appendFileSync(heldFile(one), whole.trimEnd().split("\n").at(-1)?.slice(0, -9) ?? "");
  expect((await anew().held.read(one)).masks).toEqual(["mask"]);
  await secrets.held.addMasks(one, ["after the torn one"]);
  expect((await anew().held.read(one)).masks).toEqual(["mask", "after the torn one"]);
  writeFileSync(heldFile(one), `${whole}\nnonsense\n${whole}`);
  expect(anew().held.read(one)).rejects.toThrow("can't be read");
  writeFileSync(heldFile(one), "nonsense\n");
  expect(anew().held.read(one)).rejects.toThrow("can't be read");
});

test("the first mask of a run without secrets may be torn as well", async () => {
  await secrets.held.addMasks(one, ["mask"]);
  writeFileSync(heldFile(one), readFileSync(heldFile(one), "utf8").slice(0, 20));
  expect(await anew().held.read(one)).toEqual({ values: {}, masks: [] });
  await secrets.held.addMasks(one, ["again"]);
  expect((await anew().held.read(one)).masks).toEqual(["again"]);
});

test("another run's file, and one of another key, can't be opened", async () => {
  await secrets.held.hold(one, { A: "value" });
  writeFileSync(heldFile(other), readFileSync(heldFile(one)));
  expect(anew().held.read(other)).rejects.toThrow("can't be read");
  writeFileSync(join(folder, "secrets/.key"), Buffer.alloc(32));
  expect(anew().held.read(one)).rejects.toThrow("can't be read");
  writeFileSync(join(folder, "secrets/.key"), "short");
  expect(anew().held.read(one)).rejects.toThrow("is damaged");
});

test("a start removes what is held for runs that are over, and nothing else", async () => {
  await secrets.held.hold(one, { A: "value" });
  await secrets.held.hold(other, { A: "value" });
  secrets.held.sweep(new Set([other]));
  expect(readdirSync(join(folder, "secrets/.held"))).toEqual([other]);
});

test("the same text is never sealed alike, nothing of it is readable, and all is closed to others", async () => {
  const value = "correct horse battery staple";
  for (const scope of [{}, { orgId: "o" }, { orgId: "o", repoId: "a/b" }, { orgId: "..", repoId: "." }])
    await secrets.kept.set(scope, "NAME", { value, setAt });
  await secrets.held.hold(one, { NAME: value });
  const files = readdirSync(join(folder, "secrets"), { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"));
  expect(new Set(texts).size).toBe(6);
  for (const text of texts) expect(text).not.toContain("battery");
  for (const file of files) expect(statSync(join(file.parentPath, file.name)).mode & 0o077).toBe(0);
  expect(readdirSync(folder)).toEqual(["secrets"]);
});

test("the nearest secret is found, and ids of any form keep apart", async () => {
  await secrets.kept.set({}, "N", { value: "all", setAt });
  await secrets.kept.set({ orgId: "o" }, "N", { value: "org", setAt });
  await secrets.kept.set({ orgId: "o", repoId: "r" }, "N", { value: "repo", setAt });
  const find = (orgId: string, repoId: string): Promise<string | undefined> =>
    anew().kept.find({ orgId, repoId }, "N");
  expect(await find("o", "r")).toBe("repo");
  expect(await find("o", "x")).toBe("org");
  for (const orgId of ["x", ".all", "..", ".held", "o/r", ".key"])
    expect([orgId, await find(orgId, ".all")]).toEqual([orgId, "all"]);
  expect(await anew().kept.find({ orgId: "o", repoId: "r" }, "M")).toBeUndefined();
  expect(await anew().kept.list()).toEqual([
    { name: "N", setAt },
    { name: "N", setAt, orgId: "o" },
    { name: "N", setAt, orgId: "o", repoId: "r" },
  ]);
  expect([secrets.kept.remove({ orgId: "o" }, "N"), secrets.kept.remove({ orgId: "o" }, "N")]).toEqual([
    true,
    false,
  ]);
  expect(await find("o", "x")).toBe("all");
});

test("many that make the key at the same time have one", async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => anew().digest({ A: "1" })));
  expect(new Set(all).size).toBe(1);
  expect(await secrets.digest({ A: "2" })).not.toBe(all[0] ?? "");
});
