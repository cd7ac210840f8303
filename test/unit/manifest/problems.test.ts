import { expect, test } from "bun:test";
import { Glob } from "bun";
import { renderProblem } from "../../../src/manifest/frame.ts";
import { parseManifest } from "../../../src/manifest/parse.ts";
import { expectGolden } from "../../support/golden.ts";

const folder = `${import.meta.dir}/testdata`;
const names = [...new Glob("*.yml").scanSync(folder)].map((name) => name.replace(/\.yml$/, "")).toSorted();

test("there are manifests with errors to look at", () => expect(names.length).toBeGreaterThan(10));

for (const name of names) {
  test(`what is said of ${name.replaceAll("-", " ")}`, async () => {
    const parsed = parseManifest(await Bun.file(`${folder}/${name}.yml`).bytes(), `${name}.yml`);
    if (!("problems" in parsed)) throw new Error("it was taken for good");
    await expectGolden(`${folder}/${name}.txt`, `${parsed.problems.map(renderProblem).join("\n")}\n`);
  });
}
