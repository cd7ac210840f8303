import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findManifest, readManifestFile } from "../../../src/cli/manifest-file.ts";
import { exitOfFindings, renderJson, renderPretty, type Finding } from "../../../src/cli/validate.ts";
import { refusalOf, rejectionOf } from "./rejection.ts";

const top = await realpath(await mkdtemp(join(tmpdir(), "manifest-file-")));
await mkdir(join(top, ".git"));
await mkdir(join(top, "a", "b"), { recursive: true });
afterAll(() => rm(top, { recursive: true }));

const problem = { file: "x.yml", line: 2, column: 3, length: 1, message: "no", source: "  y" };
const valid: Finding = { file: "ok.yml", stages: 1, problems: [] };
const invalid: Finding = { file: "x.yml", stages: 0, problems: [problem] };
const missing: Finding = { file: "gone.yml", stages: 0, problems: [], unreadable: "can't read it" };

test("the manifest is found at the top of the repository, or nearer", async () => {
  expect(await refusalOf(findManifest(join(top, "a", "b")))).toContain(
    "here or at the top of the repository",
  );
  await Bun.write(join(top, ".gitfoss-ci.yml"), "top");
  expect(await findManifest(join(top, "a", "b"))).toBe("../../.gitfoss-ci.yml");
  expect(await findManifest(top)).toBe(".gitfoss-ci.yml");
  await Bun.write(join(top, "a", "b", ".gitfoss-ci.yml"), "near");
  expect(await findManifest(join(top, "a", "b"))).toBe(".gitfoss-ci.yml");
});

test("a manifest that can't be read is missing, and why is said", async () => {
  expect(await rejectionOf(readManifestFile(join(top, "absent"), "absent"))).toMatchObject({
    code: "manifest_missing",
    message: 'can\'t read the manifest "absent": no such file',
  });
  expect(await refusalOf(readManifestFile(top, "a/"))).toContain("it is a folder");
  expect(await rejectionOf(readManifestFile("a\0b", "a\0b"))).toMatchObject({ code: "manifest_missing" });
  expect(await refusalOf(readManifestFile(join(top, "x".repeat(10_000)), "x"))).toContain(
    "the name is too long",
  );
});

test("of an endless manifest one byte more is read than one may have", async () => {
  expect((await readManifestFile("/dev/zero", "/dev/zero")).length).toBe(1024 * 1024 + 1);
});

test("validate's exit code is that of the worst", () => {
  expect(exitOfFindings([valid])).toBe(0);
  expect(exitOfFindings([valid, missing])).toBe(66);
  expect(exitOfFindings([missing, invalid])).toBe(65);
});

test("validate says a word on every file", () => {
  expect(renderPretty([valid, missing])).toBe("ok.yml: valid, 1 stage\nerror: can't read it\n");
  expect(renderPretty([invalid])).toStartWith("x.yml:2:3 error: no");
  expect(JSON.parse(renderJson([valid, invalid, missing]))).toEqual({
    files: [
      { file: "ok.yml", valid: true, problems: [] },
      { file: "x.yml", valid: false, problems: [problem] },
      { file: "gone.yml", valid: false, unreadable: "can't read it", problems: [] },
    ],
  });
});

test("validate tells good, bad and missing files apart, the findings on stdout", async () => {
  const main = new URL("../../../src/main.ts", import.meta.url).pathname;
  await Bun.write(join(top, "good.yml"), "stages:\n  a: {image: b, script: c}\n");
  await Bun.write(join(top, "bad.yml"), "stages:\n  a: {image: b, scrpt: c}\n");
  const words = [main, "validate", "good.yml", "bad.yml", "gone.yml"];
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, ...words], { cwd: top });
  expect([exitCode, stderr.toString()]).toEqual([65, ""]);
  expect(stdout.toString()).toStartWith("good.yml: valid, 1 stage\nbad.yml:2:");
  expect(stdout.toString()).toEndWith('error: can\'t read the manifest "gone.yml": no such file\n');
});
