/**
 * Makes the one binary: `bun run build [--outfile FILE] [--target bun-linux-arm64 …] [--entry FILE]`.
 * Without --target it is for this machine.
 */
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { leaveOut } from "./build/leave-out.ts";
import { commitOf } from "./build/commit.ts";

const root = resolve(import.meta.dir, "..");

const { values: flags } = parseArgs({
  options: {
    outfile: { type: "string", default: "dist/gitfoss-ci-runner" },
    target: { type: "string" },
    entry: { type: "string", default: "src/main.ts" },
  },
});

const targets = [
  "bun-linux-x64",
  "bun-linux-x64-musl",
  "bun-linux-arm64",
  "bun-linux-arm64-musl",
  "bun-darwin-x64",
  "bun-darwin-arm64",
] as const;

const target = targets.find((known) => known === flags.target);
if (flags.target !== undefined && target === undefined) {
  console.error(`unknown target "${flags.target}"; there are ${targets.join(", ")}`);
  process.exit(64);
}

const started = performance.now();
const outfile = resolve(root, flags.outfile);
const unfinished = `${outfile}.${process.pid}.tmp`;
const commit = commitOf(root);

try {
  await mkdir(dirname(outfile), { recursive: true });
  await compile();
  // A runner that is running keeps its old file, and a build that is cut off leaves no half one.
  await rename(unfinished, outfile);
} catch (error) {
  await rm(unfinished, { force: true });
  for (const one of error instanceof AggregateError ? error.errors : [error]) console.error(one);
  process.exit(1);
}

const sizeMb = (await stat(outfile)).size / 1e6;
const seconds = (performance.now() - started) / 1000;
console.log(`${outfile}: ${manifest.version} (${commit}), ${sizeMb.toFixed(0)} MB, ${seconds.toFixed(1)}s`);

async function compile(): Promise<void> {
  await Bun.build({
    entrypoints: [resolve(root, flags.entry)],
    target: "bun",
    format: "esm",
    bytecode: true,
    // Identifiers stay: Elysia 1.4 reads the source of its handlers and breaks on renamed ones.
    minify: { whitespace: true, syntax: true, identifiers: false },
    define: {
      "process.env.GITFOSS_VERSION": JSON.stringify(manifest.version),
      "process.env.GITFOSS_COMMIT": JSON.stringify(commit),
      "process.env.NODE_ENV": JSON.stringify("production"),
    },
    plugins: [leaveOut],
    compile: {
      outfile: unfinished,
      // docker-modem takes tcp:// addresses apart with url.parse(), whose warning would stand in front of every output.
      execArgv: ["--no-deprecation"],
      // The binary is started inside other people's checkouts: nothing there may be read as its configuration.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
      ...(target === undefined ? {} : { target }),
    },
  });
}
