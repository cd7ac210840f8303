import { managerOf, type Package } from "./node-managers.ts";
import { versionIn, type Detector, type DraftStage, type Folder } from "./project.ts";

export const detectNode: Detector = (folder) => {
  if (!folder.has("package.json")) return undefined;
  const pkg = readPackage(folder.text("package.json"));
  const manager = managerOf(folder, pkg);
  const lockfile = folder.first(...manager.lockfiles);
  const version = nodeVersion(folder, pkg);
  const runtime = manager.name === "bun" ? "" : ` ${version ?? "LTS"}`;
  const read = ["package.json", ...(lockfile === undefined ? [] : [lockfile])];
  return {
    kind: "node",
    title: `Node${runtime} with ${manager.name} (${read.join(", ")})`,
    image: manager.name === "bun" ? "oven/bun:1" : `node:${version ?? "lts"}`,
    variables: manager.variables,
    cache: { files: [lockfile ?? "package.json"], paths: manager.caches },
    before: manager.install(pkg, lockfile !== undefined, folder),
    stages: stagesOf(pkg, manager.name, folder),
  };
};

/** An open range (">=18") says what is too old, not what to take. */
function nodeVersion(folder: Folder, pkg: Package): string | undefined {
  const files = [folder.text(".nvmrc"), folder.text(".node-version")].map((text) => text.trim());
  const exact = files.map((text) => versionIn(text, /^v?([\d.]+)$/)).find((version) => version !== undefined);
  return exact ?? versionIn(pkg.engine, /^\s*[\^~=v]?\s*(\d+)(?:[.x*\d]*)\s*$/);
}

function stagesOf(pkg: Package, manager: string, folder: Folder): readonly DraftStage[] {
  const has = (name: string): boolean =>
    typeof pkg.scripts[name] === "string" && !isPlaceholder(pkg.scripts[name]);
  const run = (script: string): string => `${manager} run ${script}`;
  const stages: DraftStage[] = [];
  if (has("lint")) stages.push({ id: "lint", script: [run("lint")], isPure: true });
  if (has("test"))
    stages.push({ id: "test", ...testOf(pkg, manager === "npm" ? "npm run test --" : run("test")) });
  if (has("build")) {
    const hint =
      "artifacts: { paths: [dist/] }   # what the build leaves behind; a later stage gets it by needs";
    stages.push({ id: "build", script: [run("build")], isPure: true, hint });
  }
  if (stages.length > 0) return stages;
  const script = manager === "bun" ? ["bun test"] : [`node --check ${entryOf(folder)}`];
  return [
    {
      id: "test",
      script,
      hint: "package.json has no script lint, test or build: put here what checks the project",
    },
  ];
}

function entryOf(folder: Folder): string {
  return folder.first("index.js", "index.mjs", "server.js", "main.js") ?? "*.js";
}

/** What `npm init` writes. */
function isPlaceholder(script: string): boolean {
  return script.includes("no test specified");
}

/** Runners that write JUnit without more to install. */
function testOf(pkg: Package, withMore: string): Pick<DraftStage, "script" | "junit"> {
  const script = String(pkg.scripts["test"]);
  if (/^vitest( run)?$/.test(script.trim())) {
    const more = "--run --reporter=default --reporter=junit --outputFile.junit=report.xml";
    return { script: [`${withMore} ${more}`], junit: "report.xml" };
  }
  if (/^jest\b/.test(script.trim()) && pkg.hasJestJunit) {
    return { script: [`${withMore} --reporters=default --reporters=jest-junit`], junit: "junit.xml" };
  }
  return { script: [withMore.replace(/ --$/, "")] };
}

function readPackage(text: string): Package {
  const parsed = asRecord(parseJson(text));
  const { engines, packageManager, devDependencies } = parsed;
  return {
    scripts: asRecord(parsed["scripts"]),
    engine: textOf(asRecord(engines)["node"]),
    manager: textOf(packageManager),
    hasJestJunit: "jest-junit" in asRecord(devDependencies),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
