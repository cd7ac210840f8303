import type { Log, Result } from "sarif";
import type { Problem } from "../manifest/problem.ts";
import { COMMIT, VERSION } from "../shared/version.ts";
import type { Finding } from "./validate.ts";

/* Findings as SARIF 2.1.0, which code hosts show beside the lines of a change. */

const rules = {
  manifest: "A manifest says what can't be carried out.",
  unreadable: "A manifest can't be read.",
} as const;

export function renderSarif(findings: readonly Finding[]): string {
  const results = findings.flatMap((finding) => [
    ...finding.problems.map(resultOf),
    ...(finding.unreadable === undefined ? [] : [unreadable(finding.file, finding.unreadable)]),
  ]);
  const log: Log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "gitfoss-ci-runner",
            version: VERSION,
            properties: { commit: COMMIT },
            informationUri: "https://gitfoss.dev",
            rules: Object.entries(rules).map(([id, text]) => ({ id, shortDescription: { text } })),
          },
        },
        columnKind: "utf16CodeUnits",
        results,
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function resultOf({ file, line, column, length, message, source }: Problem): Result {
  const region = {
    startLine: line,
    startColumn: column,
    endColumn: column + length,
    ...(source === "" ? {} : { snippet: { text: source } }),
  };
  const physicalLocation = { artifactLocation: { uri: uriOf(file) }, region };
  return {
    ruleId: "manifest",
    level: "error",
    message: { text: message },
    locations: [{ physicalLocation }],
  };
}

function unreadable(file: string, why: string): Result {
  const physicalLocation = { artifactLocation: { uri: uriOf(file) } };
  return { ruleId: "unreadable", level: "error", message: { text: why }, locations: [{ physicalLocation }] };
}

/** A path as a reference: relative to the repository as long as the path is. */
function uriOf(file: string): string {
  const path = file.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `file://${path}` : path;
}
