import { expect, test } from "bun:test";
import { Glob } from "bun";
import { parseManifest } from "../../../src/manifest/parse.ts";
import { compilePlan } from "../../../src/plan/compile.ts";
import { expectGolden } from "../../support/golden.ts";

const folder = `${import.meta.dir}/testdata`;
const names = [...new Glob("*.yml").scanSync(folder)].map((name) => name.replace(/\.yml$/, "")).toSorted();

test("there are pairs to hold against each other", () => expect(names.length).toBeGreaterThan(10));

for (const name of names) {
  test(`from manifest to plan: ${name.replaceAll("-", " ")}`, async () => {
    const parsed = parseManifest(await Bun.file(`${folder}/${name}.yml`).bytes(), `${name}.yml`);
    if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
    const plan = compilePlan(parsed.manifest, {
      image: "alpine:latest",
      timeoutSeconds: 900,
      successExit: [0],
    });
    await expectGolden(`${folder}/${name}.json`, `${JSON.stringify(plan, null, 2)}\n`);
  });
}
