import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, openBench } from "../support/release.ts";
import { requireBinary, runBinary } from "./support/binary.ts";

/** A checkout that wants to run its code on the host, by everything that Bun would read from the folder it starts in. */
let hostile: string;

beforeAll(async () => {
  hostile = await mkdtemp(join(tmpdir(), "gitfoss-hostile-"));
  const evil = `require("node:fs").writeFileSync(${JSON.stringify(join(hostile, "pwned"))}, "");`;
  await Bun.write(join(hostile, "evil.ts"), evil);
  await Bun.write(join(hostile, "bunfig.toml"), 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n');
  await Bun.write(
    join(hostile, ".env"),
    "GITFOSS_RUNNER_JSON=1\nGITFOSS_VERSION=6.6.6\nBUN_OPTIONS=--preload=./evil.ts\n",
  );
  await Bun.write(join(hostile, "package.json"), '{ "name": "evil", "imports": { "#x": "./evil.ts" } }');
  await Bun.write(
    join(hostile, "tsconfig.json"),
    '{ "compilerOptions": { "paths": { "*": ["./evil.ts"] } } }',
  );
  for (const name of ["dockerode", "cpu-features", "ssh2", "elysia", "@grpc/grpc-js"]) {
    await mkdir(join(hostile, "node_modules", name), { recursive: true });
    await Bun.write(join(hostile, "node_modules", name, "index.js"), evil);
  }
});

afterAll(() => rm(hostile, { recursive: true, force: true }));

for (const args of [["version"], ["exec", "--list"], ["exec"]]) {
  test(`${args.join(" ")} takes nothing from the folder it is started in`, async () => {
    await Bun.write(
      join(hostile, ".gitfoss-ci.yml"),
      "stages: { a: { script: ['true'], image: 'no such image' } }\n",
    );
    const finished = await runBinary(args, { cwd: hostile });
    expect(finished.stdout + finished.stderr).not.toContain("6.6.6");
    expect(await Bun.file(join(hostile, "pwned")).exists()).toBe(false);
  });
}

test("the .env of the folder sets no flag", async () => {
  const { stdout, exitCode } = await runBinary(["version"], { cwd: hostile });
  expect(stdout).toMatch(/^gitfoss-ci-runner \d+\.\d+\.\d+ \(commit ([0-9a-f]{7,}|unknown)\)\n$/);
  expect(exitCode).toBe(0);
});

test("install.sh installs it, and it runs from there", async () => {
  const bench = await openBench();
  const binary = await Bun.file(await requireBinary()).bytes();
  await bench.publish(binary, `gitfoss-ci-runner-linux-${process.arch === "arm64" ? "arm64" : "x64"}`);
  const shell = { name: "dash", command: ["dash"], path: "/usr/bin:/bin" };
  const { said, code } = await install(shell, ["--from", bench.release, "--bin-dir", bench.target]);
  const version = Bun.spawnSync([join(bench.target, "gitfoss-ci-runner"), "version"])
    .stdout.toString()
    .trim();
  expect(said).toContain(`Installed ${bench.target}/gitfoss-ci-runner (${version})`);
  expect(code).toBe(0);
  await bench.remove();
});
