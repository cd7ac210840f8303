import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { requireImages } from "../../test/support/images.ts";
import { cacheComparisons } from "./cache.ts";
import { startDaemon } from "./daemon.ts";
import { fortyErrors, readingComparison, validatingComparison } from "./manifest.ts";
import { openManyFiles } from "./many-files.ts";
import { compare, printRows, timeCommand, type Comparison } from "./measure.ts";

/**
 * `bun run bench [rounds]`: our times beside those of `docker run --rm` of the same thing, in one run on one machine.
 * Absolute figures drift from machine to machine; the ratios are what counts. Needs dist/gitfoss-ci-runner and an engine.
 */
const image = "gitfoss-test/busybox:1";
const hundredMegabytes =
  "yes 012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678 | head -c 100000000 || true";

const secrets = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [`S${String(i)}`, crypto.randomUUID().slice(0, 16 + i)]),
);

const binary = `${process.cwd()}/dist/gitfoss-ci-runner`;
const rounds = Number(process.argv[2] ?? 7);

async function main(): Promise<void> {
  await requireImages("busybox");
  const folder = await mkdtemp(`${tmpdir()}/gitfoss-bench-`);
  const repository = await makeRepository(folder);
  const daemon = await startDaemon(binary, repository);
  const manyFiles = await openManyFiles(binary, folder, image);
  try {
    const rows = [];
    const beside = manyFiles.comparisons("docker run --rm … echo hi", dockerRun("echo hi"));
    const caches = await cacheComparisons(folder);
    for (const comparison of [...comparisons(repository, daemon), ...beside, ...caches]) {
      rows.push(await compare(comparison, rounds));
      console.error(`measured: ${comparison.metric}`);
    }
    printRows(rows);
    console.log(
      `\npeak memory of the daemon in all of it: ${((await daemon.peakMemoryBytes()) / 1e6).toFixed(0)} MB (goal: under 150 MB)`,
    );
  } finally {
    await manyFiles.stop();
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function comparisons(repository: string, daemon: Awaited<ReturnType<typeof startDaemon>>): Comparison[] {
  const exec =
    (manifest: string): (() => Promise<number>) =>
    () =>
      timeCommand([binary, "exec", manifest, "-j", "1", "--progress", "quiet"], repository);
  const tenRuns = async (): Promise<number> => {
    let total = 0;
    for (let i = 0; i < 10; i++) total += await dockerRun("echo hi")();
    return total;
  };
  const dockerHi = "docker run --rm … echo hi";
  const docker100 = "docker run --rm … 100 MB to /dev/null";
  return [
    {
      metric: "a trivial stage by exec, process start included",
      against: dockerHi,
      goal: 1,
      ours: exec("one.yml"),
      theirs: dockerRun("echo hi"),
    },
    {
      metric: "trigger to final status through the API",
      against: dockerHi,
      goal: 1,
      ours: () => daemon.run("hi"),
      theirs: dockerRun("echo hi"),
    },
    {
      metric: "ten stages in a row by exec",
      against: "ten of them",
      goal: 0.9,
      ours: exec("ten.yml"),
      theirs: tenRuns,
    },
    {
      metric: "100 MB of log to its end on disk",
      against: docker100,
      goal: 0.7,
      ours: () => daemon.run("big"),
      theirs: dockerRun(hundredMegabytes),
    },
    {
      metric: "100 MB of log to one SSE reader",
      against: docker100,
      goal: 0.7,
      ours: async () => (await daemon.trigger("big")).tookMs,
      theirs: dockerRun(hundredMegabytes),
    },
    {
      metric: "100 MB of log with 20 secrets masked",
      against: "the same without any",
      goal: 1.3,
      ours: () => daemon.run("masked", "SUCCESS", secrets),
      theirs: () => daemon.run("big"),
    },
    {
      metric: "version",
      against: "docker --version",
      goal: undefined,
      ours: () => timeCommand([binary, "version"]),
      theirs: () => timeCommand(["docker", "--version"]),
    },
    readingComparison(),
    validatingComparison(binary, repository),
  ];
}

function dockerRun(script: string): () => Promise<number> {
  return () => timeCommand(["docker", "run", "--rm", image, "sh", "-c", script]);
}

async function makeRepository(folder: string): Promise<string> {
  const repository = `${folder}/repository`;
  await mkdir(repository);
  const stage = (id: string, needs?: string): string =>
    `  ${id}:\n    script: echo hi\n${needs === undefined ? "" : `    needs: [${needs}]\n`}`;
  const head = `default: { image: ${image} }\nstages:\n`;
  const ten = Array.from({ length: 10 }, (_, i) =>
    stage(`s${String(i)}`, i === 0 ? undefined : `s${String(i - 1)}`),
  );
  await Bun.write(`${repository}/one.yml`, head + stage("hi"));
  await Bun.write(`${repository}/forty-errors.yml`, fortyErrors());
  await Bun.write(`${repository}/ten.yml`, head + ten.join(""));
  await Bun.write(
    `${repository}/.gitfoss-ci.yml`,
    `${head}${stage("hi")}  big:\n    script: "${hundredMegabytes}"\n  masked:\n    secrets: [${Object.keys(secrets).join(", ")}]\n    script: "${hundredMegabytes}"\n`,
  );
  const git = (...words: string[]): Promise<number> =>
    timeCommand(["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", ...words], repository);
  await git("init", "--quiet", "--initial-branch=main");
  await git("add", ".");
  await git("commit", "--quiet", "--message=bench");
  return repository;
}

await main();
