import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBinary, type Finished } from "./support/binary.ts";

/* The commands that run nothing: `validate`, `config`, `version`, and what each says of itself. No engine is asked. */

let folder: string;

const files: Readonly<Record<string, string | Uint8Array>> = {
  "good.yml": "stages:\n  a: { script: [ok] }\n  b: { script: [ok], needs: [a] }\n",
  "one.yml": "stages: { a: { script: [ok] } }\n",
  "bad.yml": "stages:\n  a:\n    scirpt: [ok]\n    timeout: soon\n",
  "tabs.yml": "stages:\n\ta: x\n",
  "empty.yml": "",
  "binary.yml": new Uint8Array([0x00, 0xff, 0xfe, 0x80]),
  "big.yml": `#${"x".repeat(1024 * 1024)}`,
  "escapes.yml": 'stages: { "\\e[31mred": { script: [ok], nope: "\\e[2J" } }\n',
  "bomb.yml": `${aliasBomb(9)}\nstages: { a: { script: *x9 } }\n`,
};

/** Each level is nine times the one before it. */
function aliasBomb(levels: number): string {
  const line = (level: number): string =>
    `x-${level}: &x${level} [${level === 1 ? "lol" : `*x${level - 1}, `.repeat(9)}]`;
  return Array.from({ length: levels }, (_, index) => line(index + 1)).join("\n");
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gitfoss-validate-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await mkdir(join(folder, "folder.yml"));
  await mkdir(join(folder, "nothing"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function call(...args: readonly string[]): Promise<Finished> {
  const env = { DOCKER_HOST: "unix:///nowhere", GITFOSS_RUNNER_STATE_DIR: join(folder, "state") };
  return runBinary(args, { cwd: folder, env, timeoutMs: 10_000 });
}

test("valid files are told so, with the number of their stages", async () => {
  expect(await call("validate", "good.yml", "one.yml")).toEqual({
    exitCode: 0,
    stdout: "good.yml: valid, 2 stages\none.yml: valid, 1 stage\n",
    stderr: "",
  });
});

test("every fault is shown on stdout with its place, its line and its mark", async () => {
  const done = await call("validate", "bad.yml");
  expect(done).toMatchObject({ exitCode: 65, stderr: "" });
  expect(done.stdout).toMatch(/^bad\.yml:3:5 error: .*"scirpt".*script/m);
  expect(done.stdout).toMatch(/^ +3 \| {5}scirpt: \[ok\]\n +\| {5}\^{6}$/m);
  expect(done.stdout).toMatch(/^bad\.yml:4:14 error: .*/m);
});

test("as JSON it is one object", async () => {
  const done = await call("validate", "--format=json", "good.yml", "bad.yml", "missing.yml");
  expect(done).toMatchObject({ exitCode: 65, stderr: "" });
  expect(JSON.parse(done.stdout)).toMatchObject({
    files: [
      { file: "good.yml", valid: true, problems: [] },
      { file: "bad.yml", valid: false },
      {
        file: "missing.yml",
        valid: false,
        unreadable: expect.stringContaining("no such file"),
        problems: [],
      },
    ],
  });
  expect(done.stdout).toMatch(/"line": 3/);
});

test("one file that can't be read doesn't hide the others", async () => {
  const done = await call("validate", "missing.yml", "good.yml", "folder.yml");
  expect(done).toEqual({
    exitCode: 66,
    stdout: `error: can't read the manifest "missing.yml": no such file
good.yml: valid, 2 stages
error: can't read the manifest "folder.yml": it is a folder
`,
    stderr: "",
  });
});

for (const name of [
  "tabs.yml",
  "empty.yml",
  "binary.yml",
  "big.yml",
  "escapes.yml",
  "bomb.yml",
  "/dev/null",
]) {
  test(`${name} is an error with its place, and soon`, async () => {
    const done = await call("validate", name);
    expect(done).toMatchObject({ exitCode: 65, stderr: "" });
    expect(done.stdout).toStartWith(`${name}:`);
    expect(done.stdout).toContain(" error: ");
    expect(done.stdout).not.toContain("\u{1b}");
    expect(done.stdout.length).toBeLessThan(10_000);
    expect(JSON.parse((await call("validate", "--format", "json", name)).stdout)).toBeObject();
  });
}

test("without a name it is the manifest of the folder, which may be missing", async () => {
  const done = await runBinary(["validate"], { cwd: join(folder, "nothing") });
  expect(done).toMatchObject({ exitCode: 66, stdout: "" });
  expect(done.stderr).toMatch(/^error: there is no \.gitfoss-ci\.yml here/);
});

test("as SARIF it is what code hosts show beside the lines of a change", async () => {
  const done = await call("validate", "--format=sarif", "good.yml", "bad.yml", "missing.yml");
  expect(done).toMatchObject({ exitCode: 65, stderr: "" });
  const log: unknown = JSON.parse(done.stdout);
  expect(log).toMatchObject({
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver: { name: "gitfoss-ci-runner" } }, columnKind: "utf16CodeUnits" }],
  });
  expect(log).toHaveProperty("runs[0].results.length", 4);
  expect(log).toHaveProperty("runs[0].results[1]", {
    ruleId: "manifest",
    level: "error",
    message: { text: 'unknown key "scirpt" in stage "a"; did you mean "script"?' },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: "bad.yml" },
          region: { startLine: 3, startColumn: 5, endColumn: 11, snippet: { text: "    scirpt: [ok]" } },
        },
      },
    ],
  });
  expect(log).toHaveProperty("runs[0].results[3].ruleId", "unreadable");
  expect((await call("validate", "--format=sarif", "good.yml")).stdout).toContain('"results": []');
});

test("--resolved shows what a manifest comes to, as a manifest", async () => {
  await writeFile(
    join(folder, "wide.yml"),
    "stages:\n  last: { script: [ok], needs: [all] }\n  .t: { timeout: 1h }\n  all: { extends: .t, script: [ok], matrix: { N: [1, 2] } }\n",
  );
  const done = await call("validate", "--resolved", "wide.yml");
  expect(done).toMatchObject({ exitCode: 0, stderr: "" });
  expect(done.stdout).toStartWith("stages:\n  all:1:\n    image:\n      name: alpine:latest\n");
  expect(done.stdout).toContain("    timeout: 1h\n");
  await writeFile(join(folder, "resolved.yml"), done.stdout);
  expect((await call("validate", "resolved.yml")).stdout).toBe("resolved.yml: valid, 3 stages\n");
  expect((await call("validate", "--resolved", "resolved.yml")).stdout).toBe(done.stdout);
  const json = await call("validate", "--resolved", "--format=json", "wide.yml");
  expect(JSON.parse(json.stdout)).toMatchObject({
    stages: {
      "all:1": { variables: { N: "1" }, timeout: "1h" },
      last: { needs: [{ stage: "all:1" }, { stage: "all:2" }] },
    },
  });
});

test("--resolved of what is no manifest leaves stdout empty", async () => {
  const done = await call("validate", "--resolved", "bad.yml");
  expect(done).toMatchObject({ exitCode: 65, stdout: "" });
  expect(done.stderr).toContain("scirpt");
  expect(await call("validate", "--resolved", "missing.yml")).toMatchObject({ exitCode: 66, stdout: "" });
});

test("schema prints what an editor needs", async () => {
  const done = await call("schema");
  expect(done).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(done.stdout)).toMatchObject({
    $schema: "http://json-schema.org/draft-07/schema#",
    required: ["stages"],
    properties: { stages: { type: "object" } },
  });
  expect(await call("schema", "x")).toMatchObject({ exitCode: 64, stdout: "" });
});

test("config shows, sets and gets, and keeps secrets", async () => {
  const env = { GITFOSS_RUNNER_STATE_DIR: join(folder, "own-state") };
  const run = (...args: readonly string[]) => runBinary(["config", ...args], { env });
  const { stdout } = await runBinary(["register", "--offline"], { env });
  const token = /token: (\S+)/.exec(stdout)?.[1] ?? "none";
  expect(await run("set", "concurrency", "3")).toMatchObject({ exitCode: 0 });
  expect(await run("get", "concurrency")).toEqual({ exitCode: 0, stdout: "3\n", stderr: "" });
  const shown = await run("show");
  expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
  expect(shown.stdout).not.toContain(token);
  expect(JSON.parse(shown.stdout)).toMatchObject({ concurrency: 3 });
  expect(await run("set", "concurrency", "0")).toMatchObject({ exitCode: 64, stdout: "" });
  const unknown = await run("get", "concurency");
  expect(unknown).toMatchObject({ exitCode: 64, stdout: "" });
  expect(unknown.stderr).toContain("did you mean concurrency?");
});

test("version is a line, or JSON", async () => {
  const line = await call("version");
  expect(line).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await call("--version")).toEqual(line);
  expect(line.stdout).toMatch(/^gitfoss-ci-runner \d+\.\d+\.\d+ \(commit \S+\)\n$/);
  const { stdout } = await call("version", "--json");
  expect(JSON.parse(stdout)).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    commit: expect.stringMatching(/^([0-9a-f]{7,}|unknown)$/),
  });
});

for (const [command, variables] of [
  ["", []],
  ["exec", ["GITFOSS_RUNNER_JOBS", "GITFOSS_RUNNER_ENV", "GITFOSS_RUNNER_PROGRESS"]],
  ["validate", ["GITFOSS_RUNNER_FORMAT", "GITFOSS_RUNNER_RESOLVED"]],
  ["schema", []],
  ["register", ["GITFOSS_RUNNER_NONCE_FILE", "GITFOSS_RUNNER_STATE_DIR"]],
  ["run", ["GITFOSS_RUNNER_LISTEN", "GITFOSS_RUNNER_CONCURRENCY"]],
  ["config", []],
  ["config show", ["GITFOSS_RUNNER_STATE_DIR"]],
  ["config get", ["GITFOSS_RUNNER_STATE_DIR"]],
  ["config set", ["GITFOSS_RUNNER_STATE_DIR"]],
  ["version", ["GITFOSS_RUNNER_JSON"]],
] as const) {
  const words = command.split(" ").filter((word) => word !== "");

  test(`the help of "${command}" fits a terminal and names its variables`, async () => {
    const done = await call(...words, "--help");
    expect(done).toMatchObject({ exitCode: 0, stderr: "" });
    const lines = done.stdout.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(lines.filter((line) => Bun.stringWidth(line) > 80)).toEqual([]);
    for (const variable of variables) expect(done.stdout).toContain(variable);
    expect(await call(...words, "-h")).toEqual(done);
    expect(await call(...words, "--help", "--nonsense")).toMatchObject({ exitCode: 0 });
  });

  test(`an unknown flag of "${command}" is named, with the nearest`, async () => {
    const done = await call(...words, "--hlep");
    expect(done).toMatchObject({ exitCode: 64, stdout: "" });
    expect(done.stderr).toStartWith(`error: unknown flag "--hlep"; did you mean --help?\n`);
  });
}

for (const [args, words] of [
  [["exce"], `error: unknown command "exce"; did you mean exec?\nsee: gitfoss-ci-runner --help\n`],
  [
    ["config", "shwo"],
    `error: unknown command "shwo"; did you mean show?\nsee: gitfoss-ci-runner config --help\n`,
  ],
  [["zzzzzz"], `error: unknown command "zzzzzz"\nsee: gitfoss-ci-runner --help\n`],
  [["exec", "--artefacts=x"], `error: unknown flag "--artefacts"; did you mean --artifacts?\n`],
  [["exec", "-x"], `error: unknown flag "-x"`],
  [["exec", "--jobs"], "error: --jobs needs a value: --jobs=N\n"],
  [["exec", "--jobs=0"], "error: --jobs"],
  [["exec", "--jobs", "1", "--jobs", "2"], "error: --jobs is given twice\n"],
  [["exec", "--progress=fancy"], `error: --progress is one of plain, quiet, json, not "fancy"\n`],
  [["validate", "--format=xml"], `error: --format is pretty, json or sarif, not "xml"\n`],
  [["validate", "--resolved", "a", "b"], "error: --resolved shows one manifest; name one only\n"],
  [["validate", "--resolved", "--format=sarif"], "error: --resolved is written as pretty or json\n"],
  [["version", "extra"], `error: version takes no argument "extra"\n`],
  [["\u{1b}[31m"], "error: unknown command"],
  [["x".repeat(100_000)], "error: unknown command"],
] as const) {
  test(`${args.join(" ").slice(0, 60)} is a mistake of usage, told on stderr`, async () => {
    const done = await call(...args);
    expect(done).toMatchObject({ exitCode: 64, stdout: "" });
    expect(done.stderr).toStartWith(words);
    expect(done.stderr).toMatch(/\nsee: gitfoss-ci-runner .*--help\n$/);
    expect(done.stderr).not.toContain("\u{1b}");
    expect(done.stderr.length).toBeLessThan(1000);
  });
}

test("no command at all is a mistake of usage, with the help on stderr", async () => {
  const done = await call();
  expect(done).toMatchObject({ exitCode: 64, stdout: "" });
  expect(done.stderr).toContain("Usage: gitfoss-ci-runner COMMAND");
});
