import { expect, test } from "bun:test";
import { renderProblem } from "../../../src/manifest/frame.ts";
import { parseManifest } from "../../../src/manifest/parse.ts";

const path = "docs/migration.md";

test(`every manifest in ${path} is one`, async () => {
  const document = await Bun.file(path).text();
  const blocks = [...document.matchAll(/^( *)```yaml\n(.*?)^ *```$/gms)];
  expect(blocks.length).toBe(4);
  for (const [, indent = "", text = ""] of blocks) {
    const parsed = parseManifest(text.replaceAll(new RegExp(`^${indent}`, "gm"), ""), path);
    expect("problems" in parsed ? parsed.problems.map(renderProblem).join("\n") : "").toBe("");
  }
});
