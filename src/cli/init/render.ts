import type { Project } from "./detect.ts";
import type { Draft, DraftStage } from "./project.ts";

const head = `# Made by \`gitfoss-ci-runner init\`. Change it as you like; these say more:
#   gitfoss-ci-runner validate     is it right?
#   gitfoss-ci-runner exec         run its stages here and now`;

/** The manifest for what was found, with comments. One project's keys are everybody's default; of several, each has a block of its own. */
export function renderManifest(projects: readonly Project[]): string {
  const [only] = projects;
  if (only === undefined) return `${head}\n\n${unknown}`;
  if (projects.length === 1 && only.folder === ".") return renderOne(only.draft);
  const names = namesOf(projects);
  const found = projects.map(({ draft, folder }) => `#   ${folder}: ${draft.title}`).join("\n");
  const blocks = projects.map((project, index) => `x-${names[index]}: &${names[index]}\n${common(project)}`);
  const stages = projects.flatMap(({ draft, folder }, index) =>
    draft.stages.map((stage) => {
      const own = renderStage(stage, draft, folder);
      return `  ${names[index]}-${stage.id}:\n    <<: *${names[index]}\n${own}`;
    }),
  );
  return `${head}\n#\n# Found:\n${found}\n\n${blocks.join("\n")}\nstages:\n${stages.join("\n")}`;
}

function renderOne(draft: Draft): string {
  const stages = draft.stages.map((stage) => `  ${stage.id}:\n${renderStage(stage, draft, ".")}`);
  const project = { folder: ".", draft };
  return `${head}\n#\n# Found: ${draft.title}\n\ndefault:\n${common(project)}\nstages:\n${stages.join("\n")}`;
}

const unknown = `default:
  image: alpine:latest          # the image that a stage's commands run in

stages:
  build:
    script:                     # commands, one after another; the first that fails fails the stage
      - echo "put here what builds and checks the project"

# A second stage that waits for the first and gets what it left behind:
#
#   test:
#     needs: [build]
#     script: [./test.sh]
#
# and in "build", to leave something behind:
#
#     artifacts: { paths: [bin/] }
`;

function common({ draft, folder }: Project): string {
  const lines = [`image: ${plain(draft.image)}`];
  if (folder !== ".") lines.push(`working_directory: ${plain(folder)}`);
  const variables = Object.entries(draft.variables);
  if (variables.length > 0) lines.push("variables:");
  for (const [name, value] of variables) lines.push(`  ${name}: ${plain(value)}`);
  lines.push(...cacheOf(draft, folder));
  if (draft.before.length > 0) lines.push("before_script:");
  for (const each of draft.before) lines.push(`  - ${command(each)}`);
  return lines.map((line) => `  ${line}\n`).join("");
}

function cacheOf({ cache }: Draft, folder: string): readonly string[] {
  if (cache === undefined) return [];
  const files = cache.files.map((file) => below(folder, file));
  // The tools' own caches lie at the top, where their variables say.
  const paths = cache.paths.map((path) => (path.startsWith(".cache/") ? path : below(folder, path)));
  return [
    "cache:                        # kept from run to run; when one of these files changes, a new one begins",
    `  key: { files: [${files.map(plain).join(", ")}] }`,
    `  paths: [${paths.map(plain).join(", ")}]`,
  ];
}

function renderStage(stage: DraftStage, draft: Draft, folder: string): string {
  const lines: string[] = [];
  if (stage.id === "build" && draft.stages.some(({ id }) => id === "test") && folder === ".") {
    lines.push("# needs: [test]               # to wait for it; without, they run side by side");
  }
  lines.push("script:", ...stage.script.map((each) => `  - ${command(each)}`));
  if (stage.isPure === true) {
    lines.push(
      'inputs: ["**"]                # passed over while no file has changed since its last success',
    );
  }
  if (stage.junit !== undefined) {
    lines.push("artifacts:");
    lines.push(
      `  reports: { junit: ${plain(below(folder, stage.junit))} }   # read into the summary and the API`,
    );
  }
  if (stage.hint !== undefined) lines.push(`# ${stage.hint}`);
  return lines.map((line) => `    ${line}\n`).join("");
}

function below(folder: string, path: string): string {
  return folder === "." ? path : `${folder}/${path}`;
}

/** Kinds at the top by their kind, others by their folder; each once. */
function namesOf(projects: readonly Project[]): readonly string[] {
  const names: string[] = [];
  for (const { folder, draft } of projects) {
    const wanted =
      folder === "." ? draft.kind : folder.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    const name = wanted === "" ? draft.kind : wanted.slice(0, 60);
    const free = [name, `${name}-${draft.kind}`].find((each) => !names.includes(each));
    names.push(free ?? `${name}-${names.length}`);
  }
  return names;
}

/** A command in a list of lines, where more may stand unquoted. */
function command(text: string): string {
  const isPlain = /^[A-Za-z.$/(][^\n#]*[^\s:]$/.test(text) && !text.includes(": ");
  return isPlain ? text : JSON.stringify(text);
}

/** As it is where YAML reads it as this very text, else quoted. */
function plain(text: string): string {
  const isPlain =
    /^[A-Za-z.$/][\w ./$=:@+()-]*$/.test(text) && !/: |:$| $|^(?:true|false|null|yes|no|on|off)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
