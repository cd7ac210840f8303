import { cachePlace, versionIn, type Detector, type DraftStage, type Folder } from "./project.ts";

interface Tool {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly before: readonly string[];
  /** What stands before a command, so that it sees what was installed. */
  readonly run: string;
  readonly lockfile: string;
}

export const detectPython: Detector = (folder) => {
  const marker = folder.first("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile");
  if (marker === undefined) return undefined;
  const version = pythonVersion(folder);
  const tool = toolOf(folder);
  const read = [...new Set([marker, tool.lockfile])];
  return {
    kind: "python",
    title: `Python ${version ?? "3"} with ${tool.name} (${read.join(", ")})`,
    image: `python:${version ?? "3"}`,
    variables: tool.variables,
    cache: { files: [tool.lockfile], paths: cachesOf(tool) },
    before: tool.before,
    stages: [testStage(folder, tool.run)],
  };
};

function toolOf(folder: Folder): Tool {
  const pyproject = folder.text("pyproject.toml");
  const pip = { PIP_CACHE_DIR: cachePlace("pip") };
  if (folder.has("uv.lock")) {
    const variables = { ...pip, UV_CACHE_DIR: cachePlace("uv") };
    const before = ["pip install uv", "uv sync --locked"];
    return { name: "uv", variables, before, run: "uv run ", lockfile: "uv.lock" };
  }
  if (folder.has("poetry.lock") || pyproject.includes("[tool.poetry]")) {
    const variables = { ...pip, POETRY_CACHE_DIR: cachePlace("poetry") };
    const lockfile = folder.first("poetry.lock") ?? "pyproject.toml";
    return {
      name: "poetry",
      variables,
      before: ["pip install poetry", "poetry install"],
      run: "poetry run ",
      lockfile,
    };
  }
  return {
    name: "pip",
    variables: pip,
    before: pipInstall(folder, pyproject),
    run: "",
    lockfile: pipFile(folder),
  };
}

function cachesOf({ name }: Tool): readonly string[] {
  return name === "pip" ? [".cache/pip/"] : [".cache/pip/", `.cache/${name}/`];
}

function pipFile(folder: Folder): string {
  return folder.first("requirements.txt", "pyproject.toml", "setup.py", "setup.cfg") ?? "Pipfile";
}

function pipInstall(folder: Folder, pyproject: string): readonly string[] {
  const files = ["requirements.txt", "requirements-dev.txt", "dev-requirements.txt", "requirements-test.txt"];
  const listed = files.filter((file) => folder.has(file)).map((file) => ` -r ${file}`);
  const tests = usesPytest(folder) ? " pytest" : "";
  if (listed.length > 0) return [`pip install${listed.join("")}${tests}`];
  if (folder.first("pyproject.toml", "setup.py", "setup.cfg") === undefined) {
    return ["pip install pipenv", "pipenv install --dev --system"];
  }
  const extra = /^\s*(tests?|dev)\s*=\s*\[/m.exec(sectionOf(pyproject, "project.optional-dependencies"))?.[1];
  return [`pip install -e ${extra === undefined ? "." : `".[${extra}]"`}${tests}`];
}

function sectionOf(toml: string, name: string): string {
  const start = toml.indexOf(`[${name}]`);
  if (start === -1) return "";
  const end = toml.indexOf("\n[", start + 1);
  return toml.slice(start, end === -1 ? undefined : end);
}

function usesPytest(folder: Folder): boolean {
  const files = ["pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "Pipfile", "requirements.txt"];
  const lists = ["requirements-dev.txt", "dev-requirements.txt", "requirements-test.txt"];
  return (
    folder.first("pytest.ini", "conftest.py") !== undefined ||
    [...files, ...lists].some((file) => /\bpytest\b/.test(folder.text(file)))
  );
}

function testStage(folder: Folder, run: string): DraftStage {
  if (usesPytest(folder)) {
    return { id: "test", script: [`${run}pytest --junitxml=report.xml`], junit: "report.xml" };
  }
  if (folder.first("tests", "test") !== undefined) {
    return { id: "test", script: [`${run}python -m unittest discover`] };
  }
  const hint = "no tests were found: put here what checks the project";
  return { id: "test", script: [`${run}python -m compileall -q .`], hint };
}

/** An open range (">=3.9") says what is too old, not what to take. */
function pythonVersion(folder: Folder): string | undefined {
  const named = versionIn(folder.text(".python-version").trim(), /^(3\.[\d.]+)$/);
  const required = /requires-python\s*=\s*["']([^"']*)["']/.exec(folder.text("pyproject.toml"))?.[1] ?? "";
  return named ?? versionIn(required, /^\s*(?:~=|==)\s*(3\.\d+)(?:[.*\d]*)\s*$/);
}
