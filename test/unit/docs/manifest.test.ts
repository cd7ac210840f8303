import { expect, test } from "bun:test";
import { withReference } from "../../../scripts/reference/render.ts";
import { renderProblem } from "../../../src/manifest/frame.ts";
import { parseManifest } from "../../../src/manifest/parse.ts";

test("the reference in docs/manifest.md is the schema's; `bun run reference` makes it anew", async () => {
  const document = await Bun.file("docs/manifest.md").text();
  expect(withReference(document)).toBe(document);
});

for (const path of ["README.md", "docs/manifest.md"]) {
  test(`every manifest in ${path} is one`, async () => {
    const blocks = manifestsIn(await Bun.file(path).text());
    expect(blocks.length).toBeGreaterThan(0);
    for (const { text, line } of blocks) {
      const parsed = parseManifest(text, `${path}, from line ${String(line)}`);
      expect("problems" in parsed ? parsed.problems.map(renderProblem).join("\n") : "").toBe("");
    }
  });
}

/** The blocks of YAML that have `stages`; the lines before one are the document's. */
function manifestsIn(document: string): { readonly text: string; readonly line: number }[] {
  return [...document.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(({ 1: text = "", index }) =>
    /^stages:/m.test(text) ? [{ text, line: document.slice(0, index).split("\n").length }] : [],
  );
}
