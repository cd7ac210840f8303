import { expect, test } from "bun:test";
import { Glob } from "bun";
import { join } from "node:path";
import { junitReader } from "../../../../src/store/reports/junit.ts";
import { Tally } from "../../../../src/store/reports/tally.ts";
import { expectGolden } from "../../../support/golden.ts";

const folder = join(import.meta.dir, "testdata");
const files = [...new Glob("*.xml").scanSync(folder)].toSorted();

for (const file of files) {
  test(`a report of ${file.slice(0, -4)} is read like this`, async () => {
    const text = await Bun.file(join(folder, file)).text();
    await expectGolden(join(folder, `${file.slice(0, -4)}.json`), `${JSON.stringify(read(text), null, 2)}\n`);
  });

  test(`a report of ${file.slice(0, -4)} is the same in pieces`, async () => {
    const text = await Bun.file(join(folder, file)).text();
    expect(read(text, 1)).toEqual(read(text));
  });
}

function read(text: string, piece = text.length): unknown {
  const tally = new Tally((said) => said);
  const reader = junitReader(tally);
  for (let at = 0; at < text.length; at += piece) reader.write(text.slice(at, at + piece));
  reader.end();
  expect(reader.fault).toBeUndefined();
  return tally.report();
}
