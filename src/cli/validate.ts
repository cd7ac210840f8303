import { resolve } from "node:path";
import { renderProblem } from "../manifest/frame.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { parseManifest } from "../manifest/parse.ts";
import type { Problem } from "../manifest/problem.ts";
import { RunnerError } from "../shared/errors.ts";
import { usage } from "./arguments.ts";
import { strictCommand } from "./command.ts";
import { exit } from "./exit.ts";
import { findManifest, readManifestFile } from "./manifest-file.ts";
import { writeErr, writeOut } from "./output.ts";
import { printable, quoted } from "./printable.ts";
import { renderResolved } from "./resolved.ts";
import { renderSarif } from "./sarif.ts";

/** What is to be said of one file. */
export interface Finding {
  readonly file: string;
  /** How many stages a valid manifest has, each combination of a matrix for itself; 0 for others. */
  readonly stages: number;
  readonly manifest?: Manifest;
  readonly problems: readonly Problem[];
  /** Why the file couldn't be read. */
  readonly unreadable?: string;
}

const formats = { pretty: renderPretty, json: renderJson, sarif: renderSarif };

export const command = strictCommand({
  name: "validate",
  summary: "Shows every error of one or more manifests, each with its line.",
  operands: "[MANIFEST…]",
  maxOperands: Infinity,
  flags: {
    format: {
      kind: "text",
      value: "FORM",
      about: "pretty (default), json: one object, or sarif: SARIF 2.1.0, for code hosts",
    },
    resolved: {
      kind: "boolean",
      about:
        "show what the manifest comes to: templates, matrices and defaults carried out, in the order of needs. It's a manifest itself, in YAML, or in JSON with --format json",
    },
  },
  notes: [
    "Exit code: 0 all are valid, 65 one isn't, 66 one can't be read.",
    "--resolved has the defaults of a runner whose configuration sets none.",
  ],
  examples: ["validate", "validate --format sarif ci/*.yml > findings.sarif", "validate --resolved"],
  async run(args) {
    const format = args.text("format") ?? "pretty";
    if (!isFormat(format)) throw usage(`--format is pretty, json or sarif, not ${quoted(format)}`);
    const { operands } = args;
    const isResolved = args.is("resolved");
    if (isResolved && operands.length > 1) throw usage("--resolved shows one manifest; name one only");
    if (isResolved && format === "sarif") throw usage("--resolved is written as pretty or json");
    const files = operands.length > 0 ? operands : [await findManifest(process.cwd())];
    const findings = await Promise.all(files.map(examine));
    if (isResolved && format !== "sarif") await showResolved(findings, format);
    else await writeOut(formats[format](findings));
    return exitOfFindings(findings);
  },
});

function isFormat(format: string): format is keyof typeof formats {
  return Object.hasOwn(formats, format);
}

/** Stdout has a manifest or nothing: whoever reads it takes it for one. */
async function showResolved(findings: readonly Finding[], format: "pretty" | "json"): Promise<void> {
  for (const finding of findings) {
    if (finding.manifest === undefined) await writeErr(renderPretty([finding]));
    else await writeOut(renderResolved(finding.manifest, format));
  }
}

async function examine(file: string): Promise<Finding> {
  try {
    const parsed = parseManifest(await readManifestFile(resolve(file), file), file);
    if ("problems" in parsed) return { file, stages: 0, problems: parsed.problems };
    return { file, stages: stagesIn(parsed.manifest), manifest: parsed.manifest, problems: [] };
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

function stagesIn({ stages, combinations }: Manifest): number {
  let count = stages.size;
  for (const unfolded of combinations.values()) count += unfolded.length - 1;
  return count;
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
