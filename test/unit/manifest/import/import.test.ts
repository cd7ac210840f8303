import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { join } from "node:path";
import {
  type Dialect,
  dialects,
  importFiles,
  type Imported,
  type ImportFile,
} from "../../../../src/manifest/import/import.ts";
import { renderNote } from "../../../../src/manifest/import/notes.ts";
import { expectGolden } from "../../../support/golden.ts";

const folder = join(import.meta.dir, "testdata");

interface Case {
  readonly name: string;
  readonly dialect: Dialect;
  readonly files: readonly ImportFile[];
}

const cases = await readCases();

for (const { name, dialect, files } of cases) {
  describe(`${dialect}: ${name}`, () => {
    test("becomes this manifest, with this list of what was left out", async () => {
      const { text, notes } = imported(files, dialect);
      await expectGolden(join(folder, dialect, `${name}.manifest.txt`), text);
      await expectGolden(
        join(folder, dialect, `${name}.notes.txt`),
        notes.map((note) => `${renderNote(note)}\n`).join(""),
      );
    });

    test("the manifest is valid", () => {
      expect(imported(files, dialect).problems).toEqual([]);
    });

    test("a note stands at its stage as a comment", () => {
      const { text, notes } = imported(files, dialect);
      for (const note of notes) expect(text).toContain(`# not carried over: ${renderNote(note)}`);
    });
  });
}

test("there are three of each", () => {
  for (const dialect of dialects) expect(cases.filter((each) => each.dialect === dialect).length).toBe(3);
});

function imported(files: readonly ImportFile[], dialect: Dialect): Imported {
  const result = importFiles(files, dialect);
  if ("unreadable" in result) throw new Error(result.unreadable.map(({ message }) => message).join("\n"));
  return result;
}

async function readCases(): Promise<readonly Case[]> {
  const found: Case[] = [];
  for (const dialect of dialects) {
    const names = [...new Glob("**/*.{yml,yaml}").scanSync(join(folder, dialect))].toSorted();
    for (const group of Map.groupBy(names, (name) => name.split("/")[0] ?? "").values()) {
      const files = await Promise.all(
        group.map(async (name) => ({ name, text: await Bun.file(join(folder, dialect, name)).text() })),
      );
      found.push({ name: (group[0] ?? "").replace(/[./].*$/, ""), dialect, files });
    }
  }
  return found;
}
