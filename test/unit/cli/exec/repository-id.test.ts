import { expect, test } from "bun:test";
import { repositoryId } from "../../../../src/cli/exec/repository-id.ts";

const commit = { sha: "a".repeat(40), ref: "main", message: "" };

test("the same place is the same repository: as a tree, as a copy of it, at a commit", () => {
  const folder = "/home/ann/project";
  const id = repositoryId({ kind: "tree", folder });
  expect(id).toMatch(/^project-[0-9a-f]{12}$/);
  expect(repositoryId({ kind: "tree", folder: "/tmp/copy", origin: folder, isSnapshot: true })).toBe(id);
  expect(repositoryId({ kind: "repository", gitDir: `${folder}/.git`, commit })).toBe(id);
});

test("another place is another one, however it is called", () => {
  const places = ["/a/project", "/b/project", "/", "/a/\n\u001b[31m/../x", `/${"x".repeat(300)}`, "/a/漢字"];
  const ids = places.map((folder) => repositoryId({ kind: "tree", folder }));
  expect(new Set(ids).size).toBe(places.length);
  for (const id of ids) expect(id).toMatch(/^[\w.-]{0,40}-[0-9a-f]{12}$/);
});
