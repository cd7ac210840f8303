import { both, type Condition } from "../conditions.ts";
import { type Draft, type Keys, StageIds } from "../draft.ts";
import type { Item, Tree } from "../tree.ts";
import { filled, isHostName, leaveKeys, orNone, textsIn } from "../values.ts";
import { environmentOf, keysOf, readStep, type Step } from "./step.ts";
import { whenOf } from "./when.ts";

const notCarried: Readonly<Record<string, string>> = {
  clone: "the repository is there; git.depth says how much of its history",
  skip_clone: "the repository is there; git.depth says how much of its history",
  labels: "every runner takes every stage; the forge chooses the runner",
  platform: "image.platform names the platform",
  runs_on: "when: on_failure or always decides it for each stage",
  workspace: "the workspace is /workspace",
  variables: "where an alias stands, its value stands itself",
};

/** Steps that share an image, an environment and a condition, and follow each other: one stage, since they share its workspace. */
interface Group {
  readonly steps: readonly Step[];
  readonly keys: Keys;
}

export function importWoodpecker(trees: readonly Tree[], draft: Draft): void {
  const ids = new StageIds();
  const ends = new Map<string, readonly string[]>();
  const later: (() => void)[] = [];
  for (const tree of trees) {
    const name = workflowName(tree.file);
    const prefix = trees.length > 1 ? `${name}-` : "";
    const workflow = new Workflow(tree.root, prefix, draft, ids);
    const made = workflow.convert();
    ends.set(name, made.last);
    later.push(() => workflow.addNeeds(made.first, ends));
  }
  for (const add of later) add();
}

function workflowName(file: string): string {
  return (file.split("/").at(-1) ?? file).replace(/\.ya?ml$/, "").replace(/^\./, "");
}

class Workflow {
  readonly #root: Item;
  readonly #prefix: string;
  readonly #draft: Draft;
  readonly #ids: StageIds;
  readonly #dependsOn: Item | undefined;

  constructor(root: Item, prefix: string, draft: Draft, ids: StageIds) {
    this.#root = root;
    this.#prefix = prefix;
    this.#draft = draft;
    this.#ids = ids;
    this.#dependsOn = root.take("depends_on");
  }

  convert(): { readonly first: readonly string[]; readonly last: readonly string[] } {
    const root = this.#root;
    leaveKeys(root, notCarried);
    const steps = stepsIn(root.take("steps") ?? root.take("pipeline"));
    const common = this.#common();
    const byStep = new Map<string, string>();
    const made: string[] = [];
    for (const group of groupsOf(steps)) {
      const id = this.#ids.of(this.#prefix + nameOf(group));
      const needs = this.#needsOf(group, byStep, made.at(-1));
      for (const step of group.steps) {
        byStep.set(step.name, id);
        step.item.tree.own(step.item, id);
      }
      this.#draft.stages.set(id, stageOf(group, common, needs));
      made.push(id);
    }
    this.#handFilesOn(made);
    if (common.matrix !== undefined && made.length > 1) this.#noteMatrix();
    const needed = new Set(made.flatMap((id) => needsIn(this.#draft.stages.get(id))));
    return {
      first: made.filter((id) => needsIn(this.#draft.stages.get(id)).length === 0),
      last: made.filter((id) => !needed.has(id)),
    };
  }

  /** Of the first stages of a workflow that waits for others. Workflows don't share their files. */
  addNeeds(first: readonly string[], ends: ReadonlyMap<string, readonly string[]>): void {
    const more = (this.#dependsOn?.list() ?? []).flatMap((dependency) => {
      const { text = "" } = dependency;
      const stages = ends.get(text);
      if (stages === undefined)
        dependency.leave("no workflow of this name is among the files", `depends_on ${text}`);
      return (stages ?? []).map((stage) => ({ stage, artifacts: false }));
    });
    if (more.length === 0) return;
    for (const id of first) this.#draft.stages.set(id, { ...this.#draft.stages.get(id), needs: more });
  }

  /** What every stage of the workflow has. */
  #common(): Common {
    const services = entriesOf(this.#root.take("services")).flatMap(
      ([name, item]) => serviceOf(name, item) ?? [],
    );
    return { services, matrix: matrixOf(this.#root.take("matrix")), when: whenOf(this.#root.take("when")) };
  }

  #needsOf({ steps }: Group, byStep: ReadonlyMap<string, string>, before: string | undefined): string[] {
    const [first] = steps;
    if (first?.dependsOn === undefined) return before === undefined ? [] : [before];
    const found = first.dependsOn.flatMap((name) => {
      const id = byStep.get(name);
      if (id === undefined)
        first.item.tree.note(first.item, `depends_on ${name}`, "no step of this name stands before it");
      return id ?? [];
    });
    return [...new Set(found)];
  }

  #noteMatrix(): void {
    const instead =
      "a stage gets the files of all combinations of those that it needs, the last one's where paths are the same; give such files the combination's name, or do it in one stage";
    const { tree } = this.#root;
    tree.addNote(tree.firstLineWith("matrix"), "a workspace for each combination", instead, undefined);
  }

  /** Steps share a workspace there; here a stage begins with the repository's files and the artifacts of what it needs. */
  #handFilesOn(made: readonly string[]): void {
    const needed = new Set(made.flatMap((id) => needsIn(this.#draft.stages.get(id))));
    for (const id of made) {
      const keys = this.#draft.stages.get(id);
      if (keys === undefined || !needed.has(id)) continue;
      keys["artifacts"] = { paths: ["**"] };
      const instead = `"${id}" hands all its files on as artifacts, as the shared workspace did; name in artifacts.paths those that the next stage needs`;
      const tree = this.#root.tree;
      tree.addNote(tree.firstLineWith("steps"), "the workspace that steps share", instead, id);
    }
  }
}

function stepsIn(item: Item | undefined): readonly Step[] {
  return entriesOf(item).flatMap(([name, step]) => readStep(step, name) ?? []);
}

/** A map by name, or a list of entries with names. */
function entriesOf(item: Item | undefined): readonly (readonly [string, Item])[] {
  return (item?.children() ?? []).map((child, index) => {
    child.tree.take(child.spot);
    const named = item?.isList === true ? child.take("name")?.text : child.key;
    return [named ?? `step-${index + 1}`, child];
  });
}

function groupsOf(steps: readonly Step[]): readonly Group[] {
  const groups: { steps: Step[]; keys: Keys }[] = [];
  for (const step of steps) {
    const keys = keysOf(step);
    const last = groups.at(-1);
    const follows = step.dependsOn === undefined;
    if (last !== undefined && follows && !step.mayFail && JSON.stringify(last.keys) === JSON.stringify(keys))
      last.steps.push(step);
    else groups.push({ steps: [step], keys });
  }
  return groups;
}

/** Of several steps in one stage, all names. */
function nameOf({ steps }: Group): string {
  return steps.map(({ name }) => name).join("-");
}

function stageOf({ steps, keys }: Group, { services, matrix, when }: Common, needs: readonly string[]): Keys {
  return {
    ...keys,
    rules: rulesOf(keys["rules"], when.conditions, steps[0]?.when.status),
    needs: orNone(needs),
    services: orNone(services),
    matrix,
    script: steps.flatMap(({ commands }) => commands),
  };
}

/** The workflow's conditions and the steps' must both hold. */
function rulesOf(
  own: unknown,
  workflow: readonly Condition[],
  status: string | undefined,
): Keys[] | undefined {
  const steps = Array.isArray(own) ? own.filter(isCondition) : [{}];
  const all = both(workflow.length > 0 ? workflow : [{}], steps);
  const rules = all.map((condition) => ({ ...condition, when: status }));
  return workflow.length > 0 || Array.isArray(own) ? rules : undefined;
}

function isCondition(value: unknown): value is Condition {
  return typeof value === "object" && value !== null;
}

interface Common {
  readonly services: readonly unknown[];
  readonly matrix: unknown;
  readonly when: ReturnType<typeof whenOf>;
}

function needsIn(keys: Keys | undefined): readonly string[] {
  const needs = keys?.["needs"];
  return Array.isArray(needs) ? needs.filter((need) => typeof need === "string") : [];
}

function serviceOf(name: string, item: Item): unknown {
  const image = item.take("image")?.text;
  if (image === undefined) return item.leave("a service has an image", `service ${name}`);
  const { variables, secrets } = environmentOf(item);
  for (const secret of Object.keys(secrets))
    item.tree.note(
      item,
      `${name}.${secret}`,
      "a service can't have a secret; set it by a variable of the trigger",
    );
  const command = item.take("command") ?? item.take("commands");
  item.take("ports")?.leave("every port of a service can be reached", `${name}.ports`);
  if (!isHostName(name))
    item.tree.note(item, `service ${name}`, "a host name has letters, digits and - only");
  return {
    name: image,
    alias: isHostName(name) ? name : undefined,
    variables: filled(variables),
    command: command && textsIn(command),
  };
}

function matrixOf(item: Item | undefined): unknown {
  if (item === undefined) return undefined;
  const include = item.take("include");
  const maps = include === undefined ? [item] : include.list();
  const combinations = maps.flatMap((map) => {
    const axes = map.children().flatMap((axis) => {
      const values = axis.key === "include" ? undefined : textsIn(axis);
      return values === undefined ? [] : [[axis.key, include === undefined ? values : values[0]] as const];
    });
    return axes.length > 0 ? [Object.fromEntries(axes)] : [];
  });
  return include === undefined ? combinations[0] : combinations.length > 0 ? combinations : undefined;
}
