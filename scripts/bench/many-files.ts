import { mkdir } from "node:fs/promises";
import { startDaemon, type Daemon } from "./daemon.ts";
import type { Comparison } from "./measure.ts";

const fileCount = 50_000;
const git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"];

/** A repository of many files, and a daemon in which its stages have succeeded once. */
export interface ManyFiles {
  readonly comparisons: (against: string, theirs: () => Promise<number>) => readonly Comparison[];
  readonly stop: () => Promise<void>;
}

export async function openManyFiles(binary: string, folder: string, image: string): Promise<ManyFiles> {
  const repository = `${folder}/many`;
  await mkdir(repository);
  run([...git, "init", "--quiet", "--initial-branch=main"], repository);
  run([...git, "fast-import", "--quiet"], repository, history(image));
  const daemon = await startDaemon(binary, repository, 1);
  for (const stage of ["folder", "chosen"]) await daemon.run(stage);
  return {
    comparisons: (...beside) => comparisons(repository, daemon, ...beside),
    stop: () => daemon.stop(),
  };
}

function comparisons(
  repository: string,
  daemon: Daemon,
  against: string,
  theirs: () => Promise<number>,
): readonly Comparison[] {
  const passed = (stage: string) => (): Promise<number> => {
    // A commit that nobody has asked for: nothing of it is remembered.
    const sha = run([...git, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "next"], repository);
    run([...git, "update-ref", "refs/heads/main", sha], repository);
    return daemon.run(stage, "PASSED");
  };
  return [
    {
      metric: "unchanged inputs, a folder of 50,000 files, trigger to PASSED",
      against,
      goal: 0.3,
      ours: passed("folder"),
      theirs,
    },
    {
      metric: "unchanged inputs, chosen among 50,000 files, trigger to PASSED",
      against,
      goal: 0.8,
      ours: passed("chosen"),
      theirs,
    },
  ];
}

/** As git's fast-import reads it: a hundred files in a folder. */
function history(image: string): string {
  const stage = (id: string, glob: string): string =>
    `  ${id}:\n    script: echo hi\n    inputs: ["${glob}"]\n`;
  const manifest = `default: { image: ${image} }\nstages:\n${stage("folder", "src/**")}${stage("chosen", "src/**/*.c")}`;
  const file = (path: string, text: string): string =>
    `M 100644 inline ${path}\ndata ${String(text.length)}\n${text}\n`;
  const files = Array.from({ length: fileCount }, (_, at) =>
    file(`src/${String(Math.floor(at / 100))}/file-${String(at)}.c`, `${String(at)}\n`),
  );
  const head = "commit refs/heads/main\ncommitter bench <bench@localhost> 1700000000 +0000\ndata 5\nmany\n\n";
  return `${head}${file(".gitfoss-ci.yml", manifest)}${files.join("")}`;
}

function run(command: readonly string[], cwd: string, input = ""): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd, stdin: Buffer.from(input) });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString().trim();
}
