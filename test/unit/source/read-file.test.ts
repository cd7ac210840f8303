import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileAt } from "../../../src/source/repository.ts";
import { createRepository, type TestRepository } from "../../support/repository.ts";

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;
let repository: TestRepository;

beforeAll(async () => {
  repository = await createRepository({
    files: {
      ".gitfoss-ci.yml": "stages: {}\n",
      "deep/er/ci.yml": { executable: "x: 1\n" },
      "odd [*] \u00e4 name.yml": "odd",
      "binary.yml": new Uint8Array([0, 255, 254, 10]),
      "empty.yml": "",
      "full.yml": "#".repeat(mebibyte + 1),
      "over.yml": "#".repeat(mebibyte + 2),
      "link.yml": { link: "/etc/passwd" },
      "folder-link": { link: "deep" },
    },
  });
  repository.git("update-index", "--add", "--cacheinfo", `160000,${repository.sha},module`);
  repository.git("commit", "-q", "-m", "with a submodule");
});

afterAll(() => repository.remove());

const sha = (): string => repository.git("rev-parse", "HEAD");
const read = async (path: string): Promise<Buffer> =>
  Buffer.from(await readFileAt(repository, sha(), path, signal));

async function refusal(path: string, code = "manifest_missing"): Promise<string> {
  const error: unknown = await readFileAt(repository, sha(), path, signal).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "RunnerError", code });
  return error instanceof Error ? error.message : "";
}

test("files come back byte for byte", async () => {
  expect((await read(".gitfoss-ci.yml")).toString()).toBe("stages: {}\n");
  expect((await read("deep/er/ci.yml")).toString()).toBe("x: 1\n");
  expect((await read("odd [*] \u00e4 name.yml")).toString()).toBe("odd");
  expect([...(await read("binary.yml"))]).toEqual([0, 255, 254, 10]);
  expect(await read("empty.yml")).toHaveLength(0);
});

test("the commit counts, not the working tree", async () => {
  await repository.write({ ".gitfoss-ci.yml": "changed" });
  expect((await read(".gitfoss-ci.yml")).toString()).toBe("stages: {}\n");
});

test("a file may have one byte more than a manifest; beyond that nothing of it is read", async () => {
  expect(await read("full.yml")).toHaveLength(mebibyte + 1);
  expect(await refusal("over.yml", "manifest_invalid")).toContain("1 MiB at most");
});

test("what isn't a regular file says what it is, and gives nothing away", async () => {
  const link = await refusal("link.yml");
  expect(link).toContain("is a symbolic link");
  expect(link).not.toContain("root:");
  expect(await refusal("deep")).toContain("is a folder");
  expect(await refusal("module")).toContain("is a submodule");
});

test.each([
  "missing.yml",
  "deep/missing.yml",
  "link.yml/x",
  "folder-link/er/ci.yml",
  ".gitfoss-ci.yml/x",
  "*.yml",
  ":/deep",
  ":(glob)**",
  "-h",
])("there's no file %j", async (path) => {
  expect(await refusal(path)).toContain(`has no file ${JSON.stringify(path)}`);
});

test.each([
  "",
  "/",
  "/etc/passwd",
  "../x",
  "a/../x",
  "..",
  ".",
  "./x",
  "a//b",
  "deep/",
  "a\0b",
  "a\nb",
  "a\\b",
  "..\\x",
  "x".repeat(5000),
])("%j isn't a path in the repository", async (path) => {
  expect(await refusal(path)).toContain("isn't a path in the repository");
});

test("a commit that isn't there is an error", async () => {
  const error: unknown = await readFileAt(repository, "0".repeat(40), "x", signal).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: "manifest_missing" });
});
