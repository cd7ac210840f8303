import { report, runProgram } from "./cli/program.ts";

/** A function of its own, since bytecode knows no top-level await. The only place that ends the process in good order. */
async function main(): Promise<void> {
  process.on("uncaughtException", (error) => void fail(error));
  process.on("unhandledRejection", (reason) => void fail(reason));
  process.exit(await runProgram(process.argv.slice(2)));
}

async function fail(thrown: unknown): Promise<void> {
  process.exit(await report(thrown));
}

void main();
