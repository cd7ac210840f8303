import { afterEach, describe, expect, test } from "bun:test";
import { chmod, rm, utimes, writeFile } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readInputs, type Inputs } from "../../../src/source/inputs.ts";
import type { Source } from "../../../src/source/source.ts";
import { openTree } from "../../../src/source/tree.ts";
import {
  createGitBomb,
  createRepository,
  setTraps,
  temporaryFolder,
  type Files,
  type TestRepository,
} from "../../support/repository.ts";

const never = new AbortController().signal;
const made: { remove(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of made.splice(0)) await one.remove();
});

const files: Files = {
  "src/main.c": "int main;\n",
  "src/deep/er/x.h": "x\n",
  "src/.hidden": "h\n",
  "docs/a.md": "a\n",
  "run.sh": { executable: "#!/bin/sh\n" },
  "Grüße/ö.txt": "ö\n",
  link: { link: "run.sh" },
};

async function repository(more: Files = {}): Promise<TestRepository> {
  const found = await createRepository({ files: { ...files, ...more } });
  made.push(found);
  return found;
}

async function ofCommit(
  from: TestRepository,
  globs: readonly string[],
  sha = from.git("rev-parse", "HEAD"),
): Promise<Inputs> {
  const source: Source = {
    kind: "repository",
    gitDir: from.gitDir,
    commit: { sha, ref: "main", message: "" },
  };
  return (await readInputs(source, never)).of(globs, never);
}

async function ofTree(from: { readonly folder: string }, globs: readonly string[]): Promise<Inputs> {
  return (await readInputs(await openTree(from.folder, never), never)).of(globs, never);
}

const wholeFolder = [["src"], ["src/"], ["./src/**"], ["src/**/*"]];
const asked = [
  ...wholeFolder,
  ["**/*.c"],
  ["src/*.c", "docs"],
  ["**"],
  ["."],
  ["*"],
  ["run.sh"],
  ["Grüße/*"],
];

describe.each([
  ["a commit", ofCommit],
  ["a working tree", ofTree],
])("of %s", (_kind, of) => {
  test.each(asked)("%j fits something, and answers the same twice", async (...globs) => {
    const from = await repository();
    const first = await of(from, globs);
    expect(first).toMatchObject({ unmatched: [], isEmpty: false });
    const clone = await repository();
    expect((await of(clone, globs)).digest).toBe(first.digest);
  });

  test.each([
    ["content", async (r: TestRepository) => r.write({ "src/main.c": "int other;\n" })],
    ["a mode alone", async (r: TestRepository) => chmod(join(r.folder, "src/main.c"), 0o755)],
    ["a name", async (r: TestRepository) => r.git("mv", "src/main.c", "src/other.c")],
    ["a new file", async (r: TestRepository) => r.write({ "src/new.c": "" })],
    ["a file that goes", async (r: TestRepository) => rm(join(r.folder, "src/.hidden"))],
    [
      "a link in a file's place",
      async (r: TestRepository) => {
        await rm(join(r.folder, "src/.hidden"));
        await r.write({ "src/.hidden": { link: "main.c" } });
      },
    ],
  ])("%s is a difference to those that it fits, and to no other", async (_what, change) => {
    const from = await repository();
    const before = await Promise.all([...wholeFolder, ["src/**/*"], ["**"]].map((globs) => of(from, globs)));
    const others = await Promise.all(
      [["docs/*.md", "run.sh"], ["link"], ["Grüße"]].map((globs) => of(from, globs)),
    );
    await change(from);
    from.git("add", "--all");
    from.git("commit", "-q", "-m", "change");
    const after = await Promise.all([...wholeFolder, ["src/**/*"], ["**"]].map((globs) => of(from, globs)));
    after.forEach(({ digest }, index) => expect(digest).not.toBe(before[index]?.digest));
    expect(
      await Promise.all([["docs/*.md", "run.sh"], ["link"], ["Grüße"]].map((globs) => of(from, globs))),
    ).toEqual(others);
  });

  test("globs that fit nothing are named, whatever they are", async () => {
    const from = await repository();
    const odd = [
      "scr/**",
      "SRC",
      "run.sh/",
      "run.sh/**",
      "../src",
      "/etc/passwd",
      "--upload-pack=touch x",
      ":(glob)src/**",
      "a\nb",
      "!src",
    ];
    for (const glob of odd) expect(await of(from, [glob])).toMatchObject({ isEmpty: true });
    expect(await of(from, ["scr/**", "src"])).toMatchObject({ unmatched: ["scr/**"], isEmpty: false });
    expect(await of(from, ["nothing/*.c", "src/*.c"])).toMatchObject({
      unmatched: ["nothing/*.c"],
      isEmpty: false,
    });
  });

  test("nothing of the repository's is run", async () => {
    const from = await repository({ "x.c": "x\n", ".gitattributes": "* filter=evil\n" });
    const { marks } = await setTraps(from);
    await of(from, ["**/*.c"]);
    await of(from, ["src"]);
    expect(readdirSync(marks)).toEqual([]);
    await rm(marks, { recursive: true });
  });

  test("a thousand globs are no trouble", async () => {
    const from = await repository();
    const globs = Array.from({ length: 999 }, (_, index) => `none-${String(index)}/*.c`);
    const { unmatched } = await of(from, [...globs, "src/*.c"]);
    expect(unmatched).toEqual(globs);
  });
});

describe("of a commit", () => {
  test("a submodule counts by its commit, by name and by what would lie in it", async () => {
    const inner = await repository();
    const from = await repository();
    const point = (sha: string): void => {
      from.git("update-index", "--add", "--cacheinfo", `160000,${sha},vendor/lib`);
      from.git("commit", "-q", "-m", "submodule");
    };
    point(inner.sha);
    for (const globs of [["vendor/lib"], ["vendor/lib/**"], ["vendor/**"], ["*/lib"], ["vendor/*", "docs"]]) {
      const before = await ofCommit(from, globs);
      expect(before.isEmpty).toBe(false);
      const sha = from.git("rev-parse", "HEAD");
      point("1".repeat(40));
      expect((await ofCommit(from, globs)).digest).not.toBe(before.digest);
      from.git("reset", "-q", "--hard", sha);
    }
  });

  test("of a repository with sha256 ids, and of one that is gone", async () => {
    const from = await createRepository({ files, sha256: true });
    made.push(from);
    expect(await ofCommit(from, ["src"])).toMatchObject({ isEmpty: false });
    expect(ofCommit({ ...from, gitDir: "/nowhere" }, ["src/*.c"], "a".repeat(40))).rejects.toMatchObject({
      code: "checkout_failed",
    });
  });

  test("a tree of 10^8 entries is refused, and as a whole it costs nothing", async () => {
    const bomb = await createGitBomb("files");
    made.push(bomb);
    expect(ofCommit(bomb, ["**/*.c"], bomb.sha)).rejects.toMatchObject({ code: "checkout_failed" });
    expect(await ofCommit(bomb, ["**"], bomb.sha)).toMatchObject({ isEmpty: false });
    expect(await ofCommit(bomb, ["d0/**"], bomb.sha)).toMatchObject({ isEmpty: false });
  });
});

describe("of a working tree", () => {
  test("what isn't committed counts as it is, and what git ignores doesn't", async () => {
    const from = await repository({ ".gitignore": "*.o\n" });
    const committed = await ofTree(from, ["src/**"]);
    await from.write({ "src/main.o": "ignored" });
    expect(await ofTree(from, ["src/**"])).toEqual(committed);
    await from.write({ "src/untracked.c": "new\n" });
    const untracked = await ofTree(from, ["src/**"]);
    expect(untracked.digest).not.toBe(committed.digest);
    from.git("add", "--all");
    expect(await ofTree(from, ["src/**"])).toEqual(untracked);
    from.git("commit", "-q", "-m", "now it is");
    expect(await ofTree(from, ["src/**"])).toEqual(untracked);
  });

  test("a file with new times but the old bytes is the same; one that git was told not to look at isn't", async () => {
    const from = await repository();
    const before = await ofTree(from, ["src/**"]);
    await utimes(join(from.folder, "src/main.c"), 1, 1);
    expect(await ofTree(from, ["src/**"])).toEqual(before);
    await rm(join(from.folder, "src/.hidden"));
    expect((await ofTree(from, ["src/**"])).digest).not.toBe(before.digest);
    expect(await ofTree(from, ["src/.hidden"])).toMatchObject({ isEmpty: true });
    from.git("checkout", "--", "src/.hidden");
    from.git("update-index", "--assume-unchanged", "src/main.c");
    await writeFile(join(from.folder, "src/main.c"), "int evil;\n");
    expect((await ofTree(from, ["src/**"])).digest).not.toBe(before.digest);
  });

  test("a change of the same size within the tick of the clock is seen", async () => {
    const from = await repository();
    for (let round = 0; round < 5; round += 1) {
      await from.write({ "src/main.c": "one\n" });
      from.git("add", "src/main.c");
      const one = await ofTree(from, ["src/*.c"]);
      await from.write({ "src/main.c": "two\n" });
      expect((await ofTree(from, ["src/*.c"])).digest).not.toBe(one.digest);
    }
  });

  test("outside of git all files count; before the first commit those that git doesn't ignore", async () => {
    const folder = await temporaryFolder();
    made.push({ remove: () => rm(folder, { recursive: true }) });
    await writeFile(join(folder, "a.c"), "a\n");
    const outside = await ofTree({ folder }, ["*.c"]);
    expect(outside.isEmpty).toBe(false);
    await writeFile(join(folder, "a.c"), "b\n");
    expect((await ofTree({ folder }, ["*.c"])).digest).not.toBe(outside.digest);
    const unborn = await createRepository({ empty: true });
    made.push(unborn);
    await unborn.write({ "a.c": "a\n" });
    expect(await ofTree(unborn, ["*.c"])).toEqual(outside);
  });
});
