import { setImmediate } from "node:timers/promises";
import { isMistake } from "../manifest/expression.ts";
import { evaluate } from "../manifest/expression-evaluate.ts";
import { parseExpression } from "../manifest/expression-parser.ts";
import { newBudget, type Budget } from "../manifest/expression-regex.ts";
import { expandText, type Lookup } from "../plan/expand.ts";
import type { RulePlan, StagePlan } from "../plan/plan.ts";
import { RunnerError } from "../shared/errors.ts";
import { compileGlob } from "../shared/path-glob.ts";
import type { Changes } from "../source/changes.ts";

/** What rules ask for. The files are looked for when the first rule asks. */
export interface RuleFacts {
  readonly lookup: Lookup;
  readonly changes: () => Promise<Changes>;
  readonly files: () => Promise<readonly string[]>;
}

const mostLooks = 20_000_000;
/** The system's own. A glob that is longer fits none. */
const longestPath = 4096;
const looksPerTurn = 5000;
const mostTold = 10;
const longestTold = 120;

/** Whether a condition of a rule holds; when not, what is to be said of it. */
type Holds = { readonly holds: true } | { readonly holds: false; readonly why: string };

/**
 * The stage as its rules have it, which are gone then. The first rule whose conditions all hold decides; with none it's left out.
 * Throws `invalid_request` when a condition can't be told for a variable's value.
 */
export async function applyRules(plan: StagePlan, facts: RuleFacts): Promise<StagePlan> {
  const { rules, ...rest } = plan;
  if (rules === undefined || rules.length === 0) return rest;
  const tried: string[] = [];
  const notes: string[] = [];
  const trying = {
    ...facts,
    budget: newBudget(),
    looks: { left: mostLooks, sinceTurn: 0 },
    note: (text: string) => notes.push(text),
  };
  for (const [index, rule] of rules.entries()) {
    const where = `rule ${String(index + 1)} of stage "${plan.id}"`;
    const found = await fits(rule, { ...trying, where });
    if (found.holds) return { ...overridden(rest, rule, index), ...notesOf(notes) };
    tried.push(`rule ${String(index + 1)}: ${found.why}`);
  }
  const more = tried.length > mostTold ? [`and ${String(tried.length - mostTold)} more`] : [];
  const told = [...tried.slice(0, mostTold), ...more].join("; ");
  return { ...rest, leftOut: `none of its rules applies (${told})`, ...notesOf(notes) };
}

function overridden(plan: StagePlan, rule: RulePlan, index: number): StagePlan {
  const { when = plan.when, allowFailure = plan.allowFailure, variables } = rule;
  const decided = { ...plan, when, allowFailure, variables: { ...plan.variables, ...variables } };
  return when === "never"
    ? { ...decided, leftOut: `rule ${String(index + 1)} applies, and says never` }
    : decided;
}

function notesOf(notes: readonly string[]): Pick<StagePlan, "notes"> {
  return notes.length === 0 ? {} : { notes: [...new Set(notes)] };
}

interface Trying extends RuleFacts {
  readonly budget: Budget;
  /** How many more times a path may be held against a glob. */
  readonly looks: { left: number; sinceTurn: number };
  /** The rule, for errors. */
  readonly where: string;
  /** To be told in the run's log. */
  readonly note: (text: string) => void;
}

async function fits(rule: RulePlan, trying: Trying): Promise<Holds> {
  if (rule.if !== undefined) {
    const found = conditionHolds(rule.if, trying);
    if (!found.holds) return found;
  }
  if (rule.changes !== undefined) {
    const found = await haveChanged(rule.changes, trying);
    if (!found.holds) return found;
  }
  return rule.exists === undefined ? { holds: true } : exist(rule.exists, trying);
}

function conditionHolds(condition: string, { lookup, budget, where }: Trying): Holds {
  const expression = parseExpression(condition, budget);
  // A manifest with a mistake in a condition has no plan; a plan from disk has been decided.
  const answer = isMistake(expression) ? { why: expression.message } : evaluate(expression, lookup, budget);
  if (typeof answer === "object")
    throw new RunnerError("invalid_request", `"if" in ${where} can't be told: ${answer.why}`);
  return answer ? { holds: true } : { holds: false, why: `${shown(condition)} is false` };
}

async function haveChanged(globs: readonly string[], trying: Trying): Promise<Holds> {
  const changes = await trying.changes();
  if (changes.kind === "all") {
    trying.note(`rules: all files count as changed, since ${changes.why}`);
    return { holds: true };
  }
  if (changes.note !== undefined) trying.note(`rules: ${changes.note}`);
  if (await matchesOne(globs, changes.paths, trying)) return { holds: true };
  return { holds: false, why: `nothing of ${shown(globs.join(", "))} has changed` };
}

async function exist(globs: readonly string[], trying: Trying): Promise<Holds> {
  if (await matchesOne(globs, await trying.files(), trying)) return { holds: true };
  return { holds: false, why: `nothing of ${shown(globs.join(", "))} exists` };
}

/** In slices, since a manifest may hold thousands of globs against a hundred thousand files. */
async function matchesOne(
  globs: readonly string[],
  paths: readonly string[],
  trying: Trying,
): Promise<boolean> {
  for (const source of globs) {
    await afterLooks(1, trying);
    const expanded = expandText(source, trying.lookup);
    const glob = expanded.length > longestPath ? undefined : compileGlob(expanded);
    if (glob === undefined) continue;
    for (let from = 0; from < paths.length; from += looksPerTurn) {
      const slice = paths.slice(from, from + looksPerTurn);
      if (slice.some((path) => glob.matches(path))) return true;
      await afterLooks(slice.length, trying);
    }
  }
  return false;
}

async function afterLooks(count: number, { looks, where }: Trying): Promise<void> {
  looks.left -= count;
  looks.sinceTurn += count;
  if (looks.left < 0) throw tooManyGlobs(where);
  if (looks.sinceTurn < looksPerTurn) return;
  looks.sinceTurn = 0;
  await setImmediate();
}

function tooManyGlobs(where: string): RunnerError {
  return new RunnerError(
    "invalid_request",
    `${where} can't be told: its globs are too many for a repository of so many files; use fewer`,
  );
}

/** In one line, and not longer than people read. */
function shown(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > longestTold ? `${line.slice(0, longestTold)}…` : line;
}
