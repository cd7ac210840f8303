import { quotedText, whyNoCondition } from "../conditions.ts";
import { isVariableName } from "../values.ts";

const contexts: Readonly<Record<string, string>> = {
  "github.sha": "CI_COMMIT_SHA",
  "github.ref_name": "CI_COMMIT_REF_NAME",
  "github.head_ref": "CI_COMMIT_REF_NAME",
  "github.workspace": "CI_PROJECT_DIR",
  "github.run_id": "CI_PIPELINE_ID",
  "github.job": "CI_STAGE_ID",
  "github.repository": "CI_REPO_ID",
  "github.repository_owner": "CI_ORG_ID",
};

/** A variable's name for an axis of a matrix or a secret: "node-version" is NODE_VERSION. */
export function variableFor(name: string): string | undefined {
  const variable = name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");
  return isVariableName(variable) ? variable : undefined;
}

export interface Substituted {
  readonly text: string;
  /** Secrets that it names. */
  readonly secrets: readonly string[];
  /** Expressions that have no equal; they stand as they were. */
  readonly unknown: readonly string[];
}

/** `${{ … }}` as variables of the stage. */
export function substitute(text: string): Substituted {
  const secrets: string[] = [];
  const unknown: string[] = [];
  const result = text.replaceAll(/\$\{\{\s*([^}]*?)\s*\}\}/g, (whole, expression: string) => {
    const [, context = "", name = ""] = /^(\w+)\.([\w-]+)$/.exec(expression) ?? [];
    const variable = variableOf(expression, context, name);
    if (variable === undefined) unknown.push(expression);
    else if (context === "secrets") secrets.push(name);
    if (expression === "runner.os") return "Linux";
    return variable === undefined ? whole : `\${${variable}}`;
  });
  return { text: result, secrets, unknown: unknown.filter((expression) => expression !== "runner.os") };
}

function variableOf(expression: string, context: string, name: string): string | undefined {
  if (Object.hasOwn(contexts, expression)) return contexts[expression];
  if (context === "matrix") return variableFor(name);
  return ["env", "vars", "secrets", "inputs"].includes(context) && isVariableName(name) ? name : undefined;
}

/** An `if` as a condition of a rule; undefined when it has no equal. */
export function conditionOf(text: string): string | undefined {
  const inner = /^\s*\$\{\{(.*)\}\}\s*$/s.exec(text)?.[1] ?? text;
  if (inner.includes("${{")) return undefined;
  const refs = inner
    .replaceAll(/startsWith\(\s*github\.ref\s*,\s*'refs\/tags\/([^'/]*)'\s*\)/g, (_, start: string) =>
      startsWith("CI_COMMIT_TAG", start),
    )
    .replaceAll(/startsWith\(\s*github\.ref\s*,\s*'refs\/heads\/([^']*)'\s*\)/g, (_, start: string) =>
      startsWith("CI_COMMIT_BRANCH", start),
    )
    .replaceAll(
      /github\.ref\s*(==|!=)\s*'refs\/heads\/([^']*)'/g,
      (_, sign: string, name: string) => `$CI_COMMIT_BRANCH ${sign} ${quotedText(name)}`,
    )
    .replaceAll(
      /github\.ref\s*(==|!=)\s*'refs\/tags\/([^']*)'/g,
      (_, sign: string, name: string) => `$CI_COMMIT_TAG ${sign} ${quotedText(name)}`,
    )
    .replaceAll(/github\.ref_type\s*==\s*'tag'/g, "$CI_COMMIT_TAG")
    .replaceAll(/github\.ref_type\s*==\s*'branch'/g, "$CI_COMMIT_BRANCH");
  const named = refs.replaceAll(
    /\b(github|env|vars|matrix|secrets)\.([\w-]+)/g,
    (whole, context: string, name: string) => {
      const variable = variableOf(whole, context, name);
      return variable === undefined ? whole : `$${variable}`;
    },
  );
  const condition = named.trim();
  return whyNoCondition(condition) === undefined ? condition : undefined;
}

function startsWith(variable: string, start: string): string {
  if (start === "") return `$${variable}`;
  return `$${variable} =~ /^${start.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)}/`;
}
