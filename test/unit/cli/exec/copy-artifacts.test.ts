import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyArtifacts, type ArtifactSource } from "../../../../src/cli/exec/copy-artifacts.ts";
import { refusalOf, rejectionOf } from "../rejection.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "copy-artifacts-"));
  await Bun.write(join(folder, "stored"), "new");
});
afterEach(() => rm(folder, { recursive: true }));

function sourceOf(...paths: string[]): ArtifactSource {
  const artifacts = paths.map((path) => ({ id: path, name: path, path, size: 3, sha256: "" }));
  return {
    artifacts: async () => artifacts,
    async artifactFile(_, id) {
      const artifact = artifacts.find((known) => known.id === id);
      return artifact === undefined ? undefined : { artifact, file: join(folder, "stored") };
    },
  };
}

test("artifacts keep the paths they had", async () => {
  const out = join(folder, "out", "build");
  expect(await copyArtifacts(sourceOf("a", "bin/deep/b"), "run", out)).toBe(2);
  expect(await Bun.file(join(out, "bin/deep/b")).text()).toBe("new");
  expect((await readdir(out)).toSorted()).toEqual(["a", "bin"]);
});

test("a file that lies there is replaced, a link isn't followed", async () => {
  const out = join(folder, "out");
  await mkdir(out);
  await Bun.write(join(folder, "precious"), "old");
  await symlink(join(folder, "precious"), join(out, "link"));
  await copyArtifacts(sourceOf("link"), "run", out);
  expect(await Bun.file(join(folder, "precious")).text()).toBe("old");
  expect(await Bun.file(join(out, "link")).text()).toBe("new");
});

test.each(["../escaped", "a/../../escaped", "away/escaped"])(
  "nothing is written outside of the folder: %s",
  async (path) => {
    const out = join(folder, "out");
    await mkdir(out);
    await symlink(folder, join(out, "away"));
    expect(await rejectionOf(copyArtifacts(sourceOf(path), "run", out))).toMatchObject({
      code: "artifacts_invalid",
    });
    expect(await readdir(folder)).not.toContain("escaped");
  },
);

test("a folder that can't be made is an error, not half a copy", async () => {
  expect(await refusalOf(copyArtifacts(sourceOf("a"), "run", join(folder, "stored", "x")))).toMatch(
    /can't copy.*(ENOTDIR|EEXIST)/,
  );
});
