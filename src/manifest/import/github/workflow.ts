import { asKeys, type Draft, StageIds } from "../draft.ts";
import type { Item, Tree } from "../tree.ts";
import { filled, leaveKeys, orNone, under } from "../values.ts";
import type { JobDraft } from "./job-draft.ts";
import { concurrencyOf, readDefaults, readJob } from "./job.ts";

const notCarried: Readonly<Record<string, string>> = {
  name: "a manifest has no name",
  on: "the forge decides when there is a pipeline; rules decide which of its stages run",
  permissions: "a stage gets no token; name a secret under secrets",
  "run-name": "the forge names its pipelines",
};

type Jobs = ReadonlyMap<string, JobDraft>;
type IdOf = (name: string) => string;

export function importGithub(trees: readonly Tree[], draft: Draft): void {
  const ids = new StageIds();
  for (const { root, file } of trees) {
    const prefix = trees.length > 1 ? `${(file.split("/").at(-1) ?? "").replace(/\.ya?ml$/, "")}-` : "";
    importWorkflow(root, draft, (name) => ids.of(prefix + name));
  }
}

function importWorkflow(root: Item, draft: Draft, idOf: IdOf): void {
  leaveKeys(root, notCarried);
  const jobs = readJobs(root, idOf);
  const concurrency = under(root, "concurrency", concurrencyOf);
  const env = root.take("env");
  for (const [name, job] of jobs) {
    // Several workflows have variables of their own, so they aren't the manifest's.
    const variables = filled({ ...(env && job.variables(env)), ...asKeys(job.keys["variables"]) });
    const needs = needsOf(job, jobs, idOf);
    draft.stages.set(idOf(name), {
      concurrency,
      ...filled(job.keys),
      variables,
      needs,
      secrets: orNone(job.secrets),
      script: scriptOf(job),
    });
  }
}

function readJobs(root: Item, idOf: IdOf): Jobs {
  const shared = readDefaults(root.take("defaults"));
  const jobs = new Map<string, JobDraft>();
  for (const item of root.take("jobs")?.children() ?? []) {
    item.tree.take(item.spot);
    if (item.has("uses"))
      item.leave("a workflow of another file can't be called; copy its jobs", `jobs.${item.key}`);
    else if (!item.isMap) item.leave("a job is a map", `jobs.${item.key}`);
    else {
      item.tree.own(item, idOf(item.key));
      jobs.set(item.key, readJob(item, shared));
    }
  }
  return jobs;
}

function scriptOf({ item, keys }: JobDraft): unknown {
  if (keys["script"] !== undefined) return keys["script"];
  item.tree.note(item, `jobs.${item.key}`, "none of its steps can be run here; its script does nothing");
  return ["true"];
}

/** Artifacts are handed on to those alone who download them. */
function needsOf(job: JobDraft, jobs: Jobs, idOf: IdOf): unknown[] | undefined {
  const needs = job.needs.flatMap((name) => {
    const needed = jobs.get(name);
    if (needed === undefined) {
      job.item.tree.note(job.item, `needs ${name}`, "no job of this name can be run here");
      return [];
    }
    const gets = needed.uploads.some((each) => job.downloads.includes(each) || job.downloads.includes("*"));
    return [gets ? idOf(name) : { stage: idOf(name), artifacts: false }];
  });
  return orNone(needs);
}
