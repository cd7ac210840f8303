import type { Item } from "../tree.ts";
import { flagIn, leaveKeys, textIn, under } from "../values.ts";
import { conditionOf, substitute } from "./expressions.ts";
import type { JobDraft } from "./job-draft.ts";
import { useAction } from "./uses.ts";

const notCarried: Readonly<Record<string, string>> = {
  id: "a later step can't ask for its outputs; write them to a file",
  "timeout-minutes": "timeout is the whole stage's",
};

/** The steps of a job become the commands of its stage, in one shell. */
export function addSteps(steps: Item, job: JobDraft): undefined {
  steps.tree.take(steps.spot);
  for (const step of steps.list()) {
    if (!step.isMap) step.leave("a step is a map", "step");
    else if (step.has("uses")) addUse(step, job);
    else addRun(step, job);
  }
  return undefined;
}

function addUse(step: Item, job: JobDraft): void {
  step.take("name")?.leave("what isn't a command has no name", `step ${step.take("name")?.text ?? ""}`);
  leaveKeys(step, notCarried, "steps.");
  useAction(step, job);
}

function addRun(step: Item, job: JobDraft): void {
  const name = step.take("name")?.text;
  const run = step.take("run");
  const label = name ?? "run";
  if (run?.text === undefined) {
    step.leave("it has no commands", `step ${label}`);
    return;
  }
  leaveKeys(step, notCarried, "steps.");
  const where = sectionFor(step, label);
  if (where === undefined) return;
  const command = wrapped(step, job.text(run, run.text.replace(/\n+$/, "")), job);
  const isTolerated = under(step, "continue-on-error", flagIn) === true;
  if (isTolerated && command.includes("\n")) {
    step.tree.note(
      step,
      "continue-on-error",
      "within `( … ) || true` the commands after one that fails are run as well",
    );
  }
  const named = name === undefined ? "" : `# ${name.replaceAll(/\s+/g, " ")}\n`;
  job[where].push(named + (isTolerated ? `(\n${command}\n) || true` : command));
}

/** By its condition; undefined when it can't be carried over. */
function sectionFor(step: Item, label: string): "script" | "afterScript" | undefined {
  const condition = step.take("if");
  if (condition?.text === undefined) return "script";
  const text = condition.text.replace(/^\s*\$\{\{\s*|\s*\}\}\s*$/g, "").trim();
  if (text === "success()" || text === "true") return "script";
  if (text === "always()" || text === "!cancelled()") return "afterScript";
  const known = conditionOf(text);
  const instead =
    known === undefined
      ? "ask for it in the script"
      : `make it a stage of its own with rules: [{ if: '${known}' }]`;
  step.leave(`the step is left out; ${instead}`, `step ${label} with if: ${text}`);
  return undefined;
}

/** A step has its own folder and variables there; here it's a shell within the shell. */
function wrapped(step: Item, command: string, job: JobDraft): string {
  const folder = under(step, "working-directory", textIn);
  const lines = under(step, "env", (env) => exportsOf(env, job)) ?? [];
  if (folder !== undefined) lines.push(`cd ${doubleQuoted(fromTop(substitute(folder).text))}`);
  under(step, "shell", (shell) => noteShell(shell, job));
  const leaks = lines.length > 0 || /^\s*cd\s/m.test(command);
  return leaks ? ["(", ...lines, command, ")"].join("\n") : command;
}

/** The commands of a stage may begin elsewhere. */
function fromTop(folder: string): string {
  return /^[/$]/.test(folder) ? folder : `\${CI_PROJECT_DIR}/${folder}`;
}

function exportsOf(env: Item, job: JobDraft): string[] {
  const variables = Object.entries(job.variables(env));
  return variables.map(([name, value]) => `export ${name}=${doubleQuoted(value)}`);
}

function noteShell(shell: Item, job: JobDraft): undefined {
  const [word = ""] = (shell.text ?? "").split(" ");
  if (word === "sh" || word === "bash") job.shells.add(word);
  else shell.leave("the commands of a stage are run by one shell", `shell: ${word}`);
  return undefined;
}

function doubleQuoted(text: string): string {
  return `"${text.replaceAll(/["\\`]/g, String.raw`\$&`)}"`;
}
