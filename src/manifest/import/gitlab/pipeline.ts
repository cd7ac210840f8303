import { type Draft, type Keys, StageIds } from "../draft.ts";
import type { Item, Tree } from "../tree.ts";
import { leaveKeys, under, variablesIn } from "../values.ts";
import { convertKeys, defaultKeys } from "./job.ts";
import { Jobs } from "./jobs.ts";
import { needsOf } from "./needs.ts";

const notCarried: Readonly<Record<string, string>> = {
  include: "copy what you need of that file into this one; `import` takes several files",
  workflow: "the forge decides which pipelines there are",
  spec: "a manifest takes no inputs; give variables with the trigger",
};

/** The jobs of one pipeline, which may stand in several files. */
export function importGitlab(trees: readonly Tree[], draft: Draft): void {
  const jobs = new Jobs(trees);
  for (const tree of trees) importTop(tree.root, draft, jobs);
  const ids = new StageIds();
  for (const [name, job] of jobs.all) {
    const id = ids.of(name);
    job.tree.own(job, id);
    job.tree.take(job.spot);
    draft.stages.set(id, {});
  }
  for (const [name, job] of jobs.all) {
    const id = ids.of(name);
    if (id !== name) job.tree.note(job, name, `its id here is "${id}": letters, digits and . _ : - only`);
    const keys: Keys = convertKeys(job, jobs, ids);
    if (!name.startsWith(".")) keys["needs"] = needsOf(name, jobs, ids);
    if (name.startsWith(".") || jobs.hasScript(name)) draft.stages.set(id, keys);
    else dropStage(job, draft, id);
  }
}

function importTop(root: Item, draft: Draft, jobs: Jobs): void {
  if (!root.isMap) return root.leave("a map of jobs is expected", "the file");
  leaveKeys(root, notCarried);
  under(root, "variables", (item) => Object.assign(draft.variables, variablesIn(item)));
  for (const item of root.children()) {
    if (item.key === "stages" || item.key === "types") jobs.readStages(item);
    else if (!jobs.isTop(item.key) && !item.isMap)
      item.leave("it's no job; where it's used, its value stands itself");
  }
  const ids = new StageIds();
  Object.assign(draft.default, convertKeys(root, jobs, ids, defaultKeys));
  under(root, "default", (item) => Object.assign(draft.default, convertKeys(item, jobs, ids, defaultKeys)));
  return undefined;
}

function dropStage(job: Item, draft: Draft, id: string): void {
  draft.stages.delete(id);
  job.leave("it has no script, so nothing of it can be run here");
}
