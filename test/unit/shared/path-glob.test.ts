import { expect, test } from "bun:test";
import { compileGlob } from "../../../src/shared/path-glob.ts";

const matching: readonly (readonly [glob: string, path: string, matches: boolean])[] = [
  ["a", "a", true],
  ["a", "a/b/c", true],
  ["a/", "a", false],
  ["a/", "a/b", true],
  ["./a//b", "a/b", true],
  [".", "any/thing", true],
  ["*.go", "a.go", true],
  ["*.go", "a/b.go", false],
  ["**/*.go", "b.go", true],
  ["**/*.go", "a/b/c.go", true],
  ["**/*.go", ".hidden/c.go", true],
  ["a/*", "a/b/c", true],
  ["a?.{x,y}", "ab.y", true],
  ["[ab]*", "bird", true],
  ["!a", "!a", true],
  ["!a", "b", false],
];

for (const [glob, path, matches] of matching) {
  test(`${glob} ${matches ? "names" : "doesn't name"} ${path}`, () => {
    expect(compileGlob(glob)?.matches(path)).toBe(matches);
  });
}

test("what leads out of the workspace is no glob", () => {
  for (const glob of ["", "/a", "..", "a/../b", "../*"]) expect(compileGlob(glob)).toBeUndefined();
});

test("a glob made to be slow is not", () => {
  const name = "a".repeat(250);
  const before = performance.now();
  for (const pattern of [
    `${"*a".repeat(20)}*b`,
    `${"**/a/".repeat(20)}b`,
    `${"{a,a}*".repeat(9)}b`,
    "[".repeat(1000),
    "{".repeat(1000),
  ]) {
    const glob = compileGlob(pattern);
    for (const path of [name, "a/".repeat(100)]) glob?.matches(path);
  }
  expect(performance.now() - before).toBeLessThan(1000);
});
