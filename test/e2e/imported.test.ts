import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectNothingLeft, requireEngine } from "../support/engine.ts";
import { requireImages } from "../support/images.ts";
import { runBinary } from "./support/binary.ts";
import { commitAll } from "./support/commit.ts";

/* Files of other systems, imported and run: their scripts print what they would print there. */

let folder: string;
let image: string;
beforeAll(async () => {
  await requireEngine();
  image = await requireImages("bash");
  folder = await mkdtemp(join(tmpdir(), "gitfoss-imported-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await expectNothingLeft();
});

/** The lines that the stages print, each with its stage, sorted. */
async function linesOf(path: string, text: string): Promise<readonly string[]> {
  const cwd = await mkdtemp(join(folder, "case-"));
  await Bun.write(join(cwd, path), text);
  const env = { GITFOSS_RUNNER_STATE_DIR: join(folder, "state") };
  expect(await runBinary(["import"], { cwd, env })).toMatchObject({ exitCode: 0, stdout: "" });
  commitAll(cwd);
  const { exitCode, stdout, stderr } = await runBinary(["exec", "--grace", "1"], { cwd, env });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.replaceAll(/\s+/g, " "))
    .toSorted();
}

test("of GitLab: templates, references, order of stages, artifacts, a matrix, a manual job", async () => {
  const lines = await linesOf(
    ".gitlab-ci.yml",
    `image: ${image}
stages: [build, test]
.setup: &setup
  before_script: [echo before]
.base:
  variables: { LEVEL: "1" }
  script: [echo base]
build it:
  stage: build
  <<: *setup
  extends: .base
  script:
    - !reference [.base, script]
    - mkdir out; echo "level $LEVEL" >out/file
  artifacts: { paths: [out/], expire_in: 1 week }
test:
  stage: test
  parallel: { matrix: [{ X: [a, b] }] }
  script: echo "$X $(cat out/file)"
  only: [branches]
never by itself:
  stage: test
  script: exit 1
  when: manual
`,
  );
  expect(lines).toEqual(["[build-it] base", "[build-it] before", "[test:a] a level 1", "[test:b] b level 1"]);
});

test("of Woodpecker: steps that share a workspace", async () => {
  const lines = await linesOf(
    ".woodpecker.yml",
    `steps:
  one: { image: "${image}", commands: [echo made >file] }
  two: { image: "${image}", commands: [cat file] }
  three: { image: "${image}", environment: { LEVEL: 3 }, commands: ['echo "$LEVEL $(cat file)"'], when: { event: push } }
`,
  );
  expect(lines).toEqual(["[one-two] made", "[three] 3 made"]);
});

test("of GitHub: steps with their own folder and variables, a matrix, artifacts, conditions", async () => {
  const lines = await linesOf(
    ".github/workflows/ci.yml",
    `on: push
env: { GREETING: hi }
jobs:
  build:
    runs-on: ubuntu-latest
    container: ${image}
    strategy: { matrix: { node-version: [20, 22] } }
    steps:
      - uses: actions/checkout@v4
      - name: In a folder of its own
        run: |
          mkdir -p deep && cd deep
          echo "\${{ matrix.node-version }} $GREETING $WORD" >file-\${{ matrix.node-version }}
        env: { WORD: 'a "word"' }
      - run: pwd
      - if: always()
        run: echo after
      - uses: actions/upload-artifact@v4
        with: { name: files, path: deep/ }
  use:
    needs: build
    if: github.ref != 'refs/heads/nowhere'
    runs-on: ubuntu-latest
    container: ${image}
    steps:
      - uses: actions/download-artifact@v4
        with: { name: files }
      - run: cat deep/*
`,
  );
  expect(lines).toEqual([
    "[build:20] /workspace",
    "[build:20] after",
    "[build:22] /workspace",
    "[build:22] after",
    '[use] 20 hi a "word"',
    '[use] 22 hi a "word"',
  ]);
});
