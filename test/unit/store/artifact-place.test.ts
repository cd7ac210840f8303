import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Store } from "../../../src/store/store.ts";
import { acceptRun, failureOf, newFolder, openStore, removeFolders } from "./samples.ts";

afterAll(removeFolders);

const never = new AbortController().signal;

async function collected(files: Readonly<Record<string, number>>): Promise<{ store: Store; runId: string }> {
  const workspace = newFolder();
  for (const [path, mode] of Object.entries(files)) {
    await Bun.write(join(workspace, path), path);
    chmodSync(join(workspace, path), mode);
  }
  const store = await openStore(newFolder());
  const runId = await acceptRun(store);
  await store.collectArtifacts(runId, workspace, { paths: ["**"], exclude: [], when: "always" }, never);
  return { store, runId };
}

test("artifacts are put into another workspace with their folders and exec bits", async () => {
  const { store, runId } = await collected({ "bin/app": 0o711, "data/deep/x": 0o600 });
  const other = newFolder();
  mkdirSync(join(other, "data"));
  writeFileSync(join(other, "data/kept"), "kept");
  expect(await store.placeArtifacts(runId, other)).toBe(2);
  expect(await store.placeArtifacts(runId, other)).toBe(2);
  expect(readFileSync(join(other, "bin/app"), "utf8")).toBe("bin/app");
  expect(statSync(join(other, "bin/app")).mode & 0o777).toBe(0o777);
  expect(statSync(join(other, "data/deep/x")).mode & 0o777).toBe(0o666);
  expect(readdirSync(join(other, "data")).toSorted()).toEqual(["deep", "kept"]);
});

test("nothing is ever written through a link in the other workspace", async () => {
  const { store, runId } = await collected({ "bin/app": 0o755 });
  const outside = newFolder();
  writeFileSync(join(outside, "app"), "untouched");
  const linkedFolder = newFolder();
  symlinkSync(outside, join(linkedFolder, "bin"));
  expect(await failureOf(store.placeArtifacts(runId, linkedFolder))).toMatchObject({
    code: "artifacts_invalid",
  });
  const linkedFile = newFolder();
  mkdirSync(join(linkedFile, "bin"));
  symlinkSync(join(outside, "app"), join(linkedFile, "bin/app"));
  await store.placeArtifacts(runId, linkedFile);
  expect(lstatSync(join(linkedFile, "bin/app")).isSymbolicLink()).toBe(false);
  const inTheWay = newFolder();
  writeFileSync(join(inTheWay, "bin"), "");
  expect(await failureOf(store.placeArtifacts(runId, inTheWay))).toMatchObject({ code: "artifacts_invalid" });
  expect(readFileSync(join(outside, "app"), "utf8")).toBe("untouched");
  expect(readdirSync(outside)).toEqual(["app"]);
});
