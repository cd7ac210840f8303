import { resolve } from "node:path";
import { renderProblem } from "../manifest/frame.ts";
import { parseManifest } from "../manifest/parse.ts";
import type { Problem } from "../manifest/problem.ts";
import { RunnerError } from "../shared/errors.ts";
import { usage } from "./arguments.ts";
import { strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { findManifest, readManifestFile } from "./manifest-file.ts";
import { writeOut } from "./output.ts";
import { printable, quoted } from "./printable.ts";

/** What is to be said of one file. */
export interface Finding {
  readonly file: string;
  /** How many stages a valid manifest has; 0 for others. */
  readonly stages: number;
  readonly problems: readonly Problem[];
  /** Why the file couldn't be read. */
  readonly unreadable?: string;
}

export const command = strictCommand({
  name: "validate",
  summary: "Shows every error of one or more manifests, each with its line.",
  operands: "[MANIFEST…]",
  maxOperands: Infinity,
  flags: { format: { kind: "text", value: "FORM", about: "pretty (default) or json: one object on stdout" } },
  notes: ["Exit code: 0 all are valid, 65 one isn't, 66 one can't be read."],
  examples: ["validate", "validate --format json ci/*.yml"],
  async run(args) {
    const format = args.text("format") ?? "pretty";
    if (format !== "pretty" && format !== "json")
      throw usage(`--format is pretty or json, not ${quoted(format)}`);
    const files = args.operands.length > 0 ? args.operands : [await findManifest(process.cwd())];
    const findings = await Promise.all(files.map(examine));
    await writeOut(format === "json" ? renderJson(findings) : renderPretty(findings));
    return exitOfFindings(findings);
  },
});

async function examine(file: string): Promise<Finding> {
  try {
    const parsed = parseManifest(await readManifestFile(resolve(file), file), file);
    if ("problems" in parsed) return { file, stages: 0, problems: parsed.problems };
    return { file, stages: parsed.manifest.stages.size, problems: [] };
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    return { file, stages: 0, problems: [], unreadable: error.message };
  }
}

export function renderPretty(findings: readonly Finding[]): string {
  return findings.map((finding) => `${renderFinding(finding)}\n`).join("");
}

function renderFinding({ file, stages, problems, unreadable }: Finding): string {
  if (unreadable !== undefined) return `error: ${unreadable}`;
  if (problems.length > 0) return problems.map(renderProblem).join("\n");
  return `${printable(file)}: valid, ${stages} ${stages === 1 ? "stage" : "stages"}`;
}

export function renderJson(findings: readonly Finding[]): string {
  const files = findings.map(({ file, problems, unreadable }) => ({
    file,
    valid: unreadable === undefined && problems.length === 0,
    ...(unreadable === undefined ? {} : { unreadable }),
    problems,
  }));
  return `${JSON.stringify({ files }, undefined, 2)}\n`;
}

export function exitOfFindings(findings: readonly Finding[]): number {
  if (findings.some(({ problems }) => problems.length > 0)) return exit.manifestInvalid;
  return findings.some(({ unreadable }) => unreadable !== undefined) ? exit.manifestMissing : exit.ok;
}
