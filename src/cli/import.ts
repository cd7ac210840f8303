import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { renderProblem } from "../manifest/frame.ts";
import {
  type Dialect,
  dialects,
  importFiles,
  type ImportFile,
  type Imported,
} from "../manifest/import/import.ts";
import { renderNote } from "../manifest/import/notes.ts";
import { defaultManifest } from "../manifest/manifest.ts";
import { RunnerError } from "../shared/errors.ts";
import { usage } from "./arguments.ts";
import { strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { readManifestFile } from "./manifest-file.ts";
import { writeErr, writeOut } from "./output.ts";
import { quoted } from "./printable.ts";
import { writeManifest } from "./write-manifest.ts";

export const command = strictCommand({
  name: "import",
  summary: "Makes a manifest of a GitLab, Woodpecker or GitHub file.",
  operands: "[FILE…]",
  maxOperands: 100,
  flags: {
    from: {
      kind: "text",
      value: "SYSTEM",
      about: `whose file it is: ${dialects.join(", ")}; default: by its name`,
    },
    force: { kind: "boolean", about: `overwrite a ${defaultManifest} that is there` },
    stdout: { kind: "boolean", about: "show the manifest, write nothing" },
  },
  notes: [
    "Without FILE: .gitlab-ci.yml, .woodpecker.yml, .woodpecker/*.yml or",
    ".github/workflows/*.yml, the first of these that is there. What has no equal",
    "is listed by line on stderr, and stands as a comment in the manifest.",
    "Exit code: 0 the manifest is valid, 65 it's written, but isn't valid.",
  ],
  examples: ["import", "import ci/build.yml --from gitlab --stdout"],
  async run(args) {
    const named = args.operands.length > 0 ? args.operands : await findFiles();
    const dialect = dialectOf(args.text("from"), named);
    const imported = importFiles(await Promise.all(named.map(read)), dialect);
    if ("unreadable" in imported) {
      await writeErr(imported.unreadable.map((problem) => `${renderProblem(problem)}\n`).join(""));
      return exit.manifestInvalid;
    }
    if (args.is("stdout")) await writeOut(imported.text);
    else writeManifest(defaultManifest, imported.text, args.is("force"));
    await writeErr(reportOf(imported, args.is("stdout")));
    return imported.problems.length > 0 ? exit.manifestInvalid : exit.ok;
  },
});

const places: readonly (readonly [folder: string, file: RegExp])[] = [
  [".", /^\.gitlab-ci\.ya?ml$/],
  [".", /^\.woodpecker\.ya?ml$/],
  [".woodpecker", /\.ya?ml$/],
  [".github/workflows", /\.ya?ml$/],
];

async function findFiles(): Promise<readonly string[]> {
  for (const [folder, file] of places) {
    const names = await readdir(folder).catch(() => []);
    const found = names.filter((name) => file.test(name)).toSorted();
    if (found.length > 0) return found.map((name) => (folder === "." ? name : `${folder}/${name}`));
  }
  throw new RunnerError(
    "manifest_missing",
    "there is no file of GitLab, Woodpecker or GitHub here; name one as the first argument",
  );
}

function dialectOf(given: string | undefined, files: readonly string[]): Dialect {
  if (given !== undefined) {
    const found = dialects.find((dialect) => dialect === given);
    if (found === undefined) throw usage(`--from is ${dialects.join(", ")}, not ${quoted(given)}`);
    return found;
  }
  const guesses = [...new Set(files.map(guess))];
  const [only] = guesses;
  if (only !== undefined && guesses.length === 1) return only;
  const whose =
    guesses.length > 1
      ? "the files are of several systems"
      : `whose file ${quoted(files[0] ?? "")} is can't be told from its name`;
  throw usage(`${whose}; say --from ${dialects.join(", --from ")}`);
}

function guess(file: string): Dialect | undefined {
  if (file.includes("gitlab")) return "gitlab";
  if (file.includes("woodpecker")) return "woodpecker";
  return file.includes(".github/") || file.includes("workflows/") ? "github" : undefined;
}

async function read(name: string): Promise<ImportFile> {
  const bytes = await readManifestFile(resolve(name), name);
  try {
    return { name, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    throw new RunnerError("manifest_invalid", `${quoted(name)} isn't a text in UTF-8`);
  }
}

function reportOf({ notes, problems, stages }: Imported, shownOnly: boolean): string {
  const many = `${stages.length} ${stages.length === 1 ? "stage" : "stages"}`;
  const left =
    notes.length === 0 ? "everything was carried over" : `${notes.length} not carried over, listed above`;
  const wrong =
    problems.length > 0 ? ["this has still to be mended in it:", ...problems.map(renderProblem)] : [];
  const where = shownOnly ? "the manifest has" : `wrote ${defaultManifest} with`;
  const next =
    problems.length > 0
      ? []
      : ["next: look at the comments in it, then try it here with `gitfoss-ci-runner exec`"];
  return [...notes.map(renderNote), `${where} ${many}; ${left}`, ...wrong, ...next, ""].join("\n");
}
