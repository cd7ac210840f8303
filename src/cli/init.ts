import { existsSync } from "node:fs";
import { defaultManifest } from "../manifest/manifest.ts";
import { parseManifest } from "../manifest/parse.ts";
import { strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { detectProjects, type Project } from "./init/detect.ts";
import { readFolders } from "./init/folders.ts";
import { renderManifest } from "./init/render.ts";
import { writeErr, writeOut } from "./output.ts";
import { printable } from "./printable.ts";
import { writeManifest } from "./write-manifest.ts";

export const command = strictCommand({
  name: "init",
  summary: "Writes a manifest that suits the project in this folder.",
  maxOperands: 0,
  flags: {
    force: { kind: "boolean", about: `overwrite a ${defaultManifest} that is there` },
    stdout: { kind: "boolean", about: "show it, write nothing" },
  },
  notes: [
    "Knows Node (npm, pnpm, yarn, bun), Python (pip, uv, poetry), Go, Rust, Java",
    "(Maven, Gradle) and C or C++ (CMake, autotools, make), here and in the",
    "folders below. Nothing of the project is run.",
  ],
  examples: ["init", "init --stdout"],
  async run(args) {
    const { top, below } = readFolders(process.cwd());
    const projects = detectProjects(top, below);
    const text = renderManifest(projects);
    const stages = stagesOf(text);
    if (args.is("stdout")) {
      await writeOut(text);
      return exit.ok;
    }
    const done = writeManifest(defaultManifest, text, args.is("force"));
    const names = `${stages.length === 1 ? "stage" : "stages"} ${stages.join(", ")}`;
    const result =
      done === "written"
        ? `wrote ${defaultManifest} with the ${names}`
        : `${defaultManifest} is as it would be written`;
    await writeErr([...foundIn(projects), result, ...nextSteps(), ""].join("\n"));
    return exit.ok;
  },
});

/** What is written has been read by the very parser that will read it. */
function stagesOf(text: string): readonly string[] {
  const parsed = parseManifest(text, defaultManifest);
  if ("manifest" in parsed) return [...parsed.manifest.stages.keys()];
  throw new Error(`init made a manifest that isn't valid: ${parsed.problems[0]?.message ?? ""}`);
}

function foundIn(projects: readonly Project[]): readonly string[] {
  if (projects.length === 0) return ["found nothing that it knows: the manifest is a start to be filled in"];
  return projects.map(({ folder, draft }) =>
    printable(folder === "." ? `found ${draft.title}` : `found ${draft.title} in ${folder}`),
  );
}

function nextSteps(): readonly string[] {
  const others = [".gitlab-ci.yml", ".woodpecker.yml", ".woodpecker", ".github/workflows"];
  const [other] = others.filter((path) => existsSync(path));
  const next = ["next: look at it, then try it here with `gitfoss-ci-runner exec`"];
  if (other === undefined) return next;
  return [...next, `there is ${other}: \`gitfoss-ci-runner import\` makes a manifest of what it says`];
}
