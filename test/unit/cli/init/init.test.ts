import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectProjects } from "../../../../src/cli/init/detect.ts";
import { readFolders } from "../../../../src/cli/init/folders.ts";
import { renderManifest } from "../../../../src/cli/init/render.ts";
import { parseManifest } from "../../../../src/manifest/parse.ts";
import { expectGolden } from "../../../support/golden.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

type Files = Readonly<Record<string, string>>;

const pkg = (more: object): string => JSON.stringify({ name: "p", ...more });
const scripts = { lint: "eslint .", test: "node --test", build: "tsc -b" };

const projects: Readonly<Record<string, Files>> = {
  "node-npm": { "package.json": pkg({ scripts, engines: { node: "^22.4" } }), "package-lock.json": "{}" },
  "node-pnpm": {
    "package.json": pkg({ scripts: { test: "vitest" } }),
    "pnpm-lock.yaml": "",
    ".nvmrc": "v20.11.1\n",
  },
  "node-yarn": {
    "package.json": pkg({ scripts: { test: "mocha" } }),
    "yarn.lock": "",
    ".node-version": "18",
  },
  "node-yarn-berry": { "package.json": pkg({ packageManager: "yarn@4.1.0", scripts }), "yarn.lock": "" },
  "node-bun": { "package.json": pkg({ scripts: { build: "bun build.ts" } }), "bun.lock": "" },
  "node-jest": {
    "package.json": pkg({
      scripts: { test: "jest --ci" },
      devDependencies: { "jest-junit": "16" },
      engines: { node: ">=18" },
    }),
  },
  "node-without-scripts": {
    "package.json": pkg({ scripts: { test: 'echo "Error: no test specified" && exit 1' } }),
    "index.js": "",
  },
  "python-pip": {
    "requirements.txt": "flask==3.0\n",
    "requirements-dev.txt": "pytest\n",
    ".python-version": "3.12\n",
  },
  "python-pyproject": {
    "pyproject.toml":
      '[project]\nname = "p"\nrequires-python = "~=3.11"\n\n[project.optional-dependencies]\ntest = ["pytest"]\n',
  },
  "python-uv": {
    "pyproject.toml": '[project]\nrequires-python = ">=3.9"\n[dependency-groups]\ndev = ["pytest"]',
    "uv.lock": "",
  },
  "python-poetry": {
    "pyproject.toml": '[tool.poetry]\nname = "p"\n',
    "poetry.lock": "",
    "tests/test_p.py": "",
  },
  "python-setup": { "setup.py": "", "src/p.py": "" },
  go: { "go.mod": "module example.org/p\n\ngo 1.24.1\n\ntoolchain go1.24.2\n", "go.sum": "" },
  rust: { "Cargo.toml": '[package]\nname = "p"\nrust-version = "1.75"\n', "Cargo.lock": "" },
  "java-maven": {
    "pom.xml":
      "<project><properties><maven.compiler.release>17</maven.compiler.release></properties></project>",
  },
  "java-maven-wrapper": {
    "pom.xml": "<project><properties><java.version>1.8</java.version></properties></project>",
    mvnw: "",
  },
  "java-gradle": { "build.gradle": "sourceCompatibility = '11'\n" },
  "java-gradle-wrapper": {
    "build.gradle.kts": "java { toolchain { languageVersion = JavaLanguageVersion.of(21) } }",
    gradlew: "",
  },
  "c-cmake": { "CMakeLists.txt": "", Makefile: "" },
  "c-configure": { configure: "", "configure.ac": "", "Makefile.in": "" },
  "c-configure-ac": { "configure.ac": "" },
  "c-autogen": { "configure.ac": "", "autogen.sh": "" },
  "c-make": { Makefile: "CC := cc\nall:\n\tcc x.c\ncheck: all\n\t./x\n" },
  unknown: { "README.md": "hello\n" },
  several: {
    Makefile: "all:\n",
    "backend/go.mod": "module example.org/p\n\ngo 1.23\n",
    "web app/package.json": pkg({ scripts }),
    "web app/package-lock.json": "{}",
    "services/mail/requirements.txt": "pytest\n",
    "services/mail/node_modules/x/package.json": "{}",
    "vendor/x/Cargo.toml": "",
  },
  "two-at-the-top": {
    "package.json": pkg({ scripts: { build: "vite build" } }),
    "pyproject.toml": '[project]\nname = "p"\n[tool.pytest.ini_options]\n',
    "packages/a/package.json": pkg({ scripts }),
  },
};

for (const [name, files] of Object.entries(projects)) {
  test(`the manifest for ${name.replaceAll("-", " ")} is this, and valid`, async () => {
    const text = await manifestFor(files);
    await expectGolden(join(import.meta.dir, "testdata", `${name}.yml`), text);
    expect(problemsOf(text)).toEqual([]);
    expect(await manifestFor({ ...files, ".gitfoss-ci.yml": text })).toBe(text);
  });
}

describe("nonsense is no project, or one of unknown version", () => {
  const nonsense: Readonly<Record<string, Files>> = {
    "a package.json that is none": { "package.json": "{{{" },
    "a package.json that is a list": { "package.json": '["lint", "test"]' },
    "scripts that are no map": { "package.json": pkg({ scripts: "test", engines: 7, packageManager: [] }) },
    "a version that is code": {
      "package.json": pkg({ engines: { node: "22\nx: y" } }),
      ".nvmrc": "lts/*; rm -rf /\n",
      "go.mod": "go 1.2.3.4.5\n",
      ".python-version": "3.x\n",
      "requirements.txt": "\0",
      "pom.xml": "<release>${java}</release>",
    },
    "a script's name with a line end": { "package.json": pkg({ scripts: { "lint\n  evil": "x" } }) },
    "names that YAML reads otherwise": {
      "true/go.mod": "",
      "- a/go.mod": "",
      "a: b/go.mod": "",
      "#/go.mod": "",
      "1/go.mod": "",
    },
  };
  for (const [name, files] of Object.entries(nonsense)) {
    test(name, async () => {
      const text = await manifestFor(files);
      expect(problemsOf(text)).toEqual([]);
      expect(text).not.toContain("rm -rf");
      expect(text).not.toContain("evil");
    });
  }
});

test("of hundreds of projects a few become stages", async () => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`p${at}/go.mod`, "go 1.24\n"]));
  const text = await manifestFor(files);
  expect(problemsOf(text)).toEqual([]);
  expect(text.match(/working_directory/g)).toHaveLength(20);
});

async function manifestFor(files: Files): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "gitfoss-init-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) await Bun.write(join(folder, path), text);
  const { top, below } = readFolders(folder);
  return renderManifest(detectProjects(top, below));
}

function problemsOf(text: string): readonly unknown[] {
  const parsed = parseManifest(text, ".gitfoss-ci.yml");
  return "problems" in parsed ? parsed.problems : [];
}
