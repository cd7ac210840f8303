import { expect, test } from "bun:test";
import { Glob } from "bun";

/** A file imports its own folder and folders to its left. docs/architecture.md says what each holds. */
const layers = [
  "shared",
  "manifest",
  "plan",
  "engine",
  "source",
  "forge",
  "events",
  "store",
  "runner",
  "api",
  "cli",
];

/** Each package from outside has one owner; anything not listed may be imported by nobody. */
const owners: Record<string, RegExp> = {
  yaml: /^src\/manifest\//,
  "@sinclair/typebox": /^src\/manifest\//,
  sax: /^src\/store\/reports\//,
  re2js: /^src\/manifest\/expression-regex\.ts/,
  dockerode: /^src\/engine\/docker\//,
  elysia: /^src\/api\//,
  sarif: /^src\/cli\/sarif\.ts/,
  citty: /^src\/(cli\/|main\.ts)/,
  consola: /^src\/shared\/log\.ts/,
  bun: /^src\//,
  "bun:ffi": /^src\/shared\/native\.ts/,
};

/** Only these folders touch files. */
const fileOwners = /^src\/(engine|source|store|cli)\//;

const importPattern = /(?:^|\n)\s*(?:import|export)\b[^"';]*?from\s*"([^"]+)"|import\(\s*"([^"]+)"\s*\)/g;
const files = [...new Glob("src/**/*.ts").scanSync(".")].toSorted();

test("the folders of src are exactly the layers", () => {
  const folders = new Set(files.map(layerOf).filter((layer) => layer !== undefined));
  expect([...folders].toSorted()).toEqual(layers.toSorted());
});

for (const file of files) {
  test(`${file} imports only to the left, and packages only from their owner`, async () => {
    const source = await Bun.file(file).text();
    const specifiers = [...source.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? "");
    expect(specifiers.filter((specifier) => !isAllowed(file, specifier))).toEqual([]);
  });

  test(`${file} is at most 250 lines long`, async () => {
    const source = await Bun.file(file).text();
    expect(source.split("\n").length).toBeLessThanOrEqual(251);
  });
}

function isAllowed(file: string, specifier: string): boolean {
  if (specifier.startsWith(".")) return isToTheLeft(file, specifier);
  if (/^node:fs(\/|$)/.test(specifier)) return fileOwners.test(file);
  if (specifier.startsWith("node:")) return true;
  const owned = Object.entries(owners).find(
    ([name]) => specifier === name || specifier.startsWith(`${name}/`),
  );
  return owned !== undefined && owned[1].test(file);
}

function isToTheLeft(file: string, specifier: string): boolean {
  const from = layerOf(file);
  if (from === undefined) return true; // src/main.ts and src/app.ts join the parts
  const target = new URL(specifier, `file:///${file}`).pathname.slice(1);
  if (target === "src/app.ts") return from === "cli";
  return layers.indexOf(layerOf(target) ?? "") <= layers.indexOf(from) && layerOf(target) !== undefined;
}

function layerOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}
