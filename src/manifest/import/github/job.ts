import { asKeys } from "../draft.ts";
import type { Item } from "../tree.ts";
import { filled, leaveKeys, orNone, textsIn, under } from "../values.ts";
import { conditionOf, substitute } from "./expressions.ts";
import { JobDraft } from "./job-draft.ts";
import { matrixOf } from "./matrix.ts";
import { servicesOf } from "./services.ts";
import { addSteps } from "./steps.ts";

const notCarried: Readonly<Record<string, string>> = {
  environment: "the forge knows no environments; a secret and a rule on the branch do what deployments need",
  outputs: "hand values on in a file, as an artifact",
  permissions: "a stage gets no token; name a secret under secrets",
  snapshot: "there is no equal",
  name: "a stage is named by its id",
};

/** What `defaults.run` says. */
export interface RunDefaults {
  readonly shell: string | undefined;
  readonly folder: string | undefined;
}

/** Everything of a job but its needs, which are found for all jobs together. */
export function readJob(item: Item, shared: RunDefaults): JobDraft {
  const job = new JobDraft(item);
  job.needs = under(item, "needs", textsIn) ?? [];
  under(item, "container", (container) => readContainer(container, job));
  job.keys["variables"] = filled({
    ...asKeys(job.keys["variables"]),
    ...under(item, "env", (env) => job.variables(env)),
  });
  under(item, "strategy", (strategy) => readStrategy(strategy, job));
  readLimits(item, job);
  under(item, "if", (condition) => readCondition(condition, job));
  job.keys["services"] = under(item, "services", (services) => servicesOf(services, job));
  under(item, "steps", (steps) => addSteps(steps, job));
  under(item, "runs-on", (machine) => readMachine(machine, job));
  const own = readDefaults(item.take("defaults"));
  leaveKeys(item, notCarried);
  finish(job, { shell: own.shell ?? shared.shell, folder: own.folder ?? shared.folder });
  return job;
}

function readContainer(item: Item, job: JobDraft): undefined {
  const image = item.isMap ? item.take("image") : item;
  if (image?.text === undefined) return item.leave("a container has an image", "container");
  job.image = job.text(image, image.text);
  job.hasContainer = true;
  leaveKeys(
    item,
    {
      credentials: "the engine's own login is used",
      options: "resources has limits; nothing else of the engine can be set",
      ports: "nobody reaches a stage from outside",
      volumes: "a stage sees no folder of the machine; use cache and artifacts",
    },
    "container.",
  );
  job.keys["variables"] = under(item, "env", (env) => job.variables(env));
  return undefined;
}

function readStrategy(item: Item, job: JobDraft): undefined {
  leaveKeys(
    item,
    {
      "fail-fast": "every combination runs to its end",
      "max-parallel": "concurrency: { group: NAME, limit: N } limits it",
    },
    "strategy.",
  );
  job.keys["matrix"] = under(item, "matrix", matrixOf);
  return undefined;
}

function readMachine(item: Item, job: JobDraft): undefined {
  const machine = item.isMap ? "a group" : (item.list()[0]?.text ?? "");
  item.takeAll();
  const version = /^ubuntu-(\d\d\.\d\d)$/.exec(machine)?.[1];
  if (version === undefined && machine !== "ubuntu-latest") {
    item.tree.note(
      item,
      `runs-on ${machine}`,
      "stages run in Linux containers, on the runner that the forge chooses",
    );
  }
  if (job.image !== undefined) return undefined;
  job.image = `ubuntu:${version ?? "24.04"}`;
  const instead = `the image ${job.image} has few of the tools of a hosted machine; install what the script needs, or take another image`;
  item.tree.note(item, `runs-on ${machine}`, instead);
  return undefined;
}

function readLimits(item: Item, job: JobDraft): void {
  const minutes = item.take("timeout-minutes");
  const mayFail = item.take("continue-on-error");
  if (typeof minutes?.value === "number" && minutes.value >= 1)
    job.keys["timeout"] = `${Math.floor(minutes.value)}m`;
  else minutes?.leave("a number of minutes is expected here", "timeout-minutes");
  if (typeof mayFail?.value === "boolean") job.keys["allow_failure"] = mayFail.value;
  else mayFail?.leave("allow_failure is true or false", "continue-on-error");
  job.keys["concurrency"] = under(item, "concurrency", concurrencyOf);
}

/** Undefined where its group is made of what isn't known before it runs. */
export function concurrencyOf(item: Item): unknown {
  const group = item.isMap ? item.take("group") : item;
  const cancel = item.take("cancel-in-progress");
  if (group?.text === undefined || group.text.includes("${{")) {
    return item.leave(
      "a group has a fixed name: the runs of all branches that name it count together",
      "concurrency",
    );
  }
  if (cancel === undefined) return group.text;
  if (typeof cancel.value !== "boolean") cancel.leave("true or false is expected here");
  return { group: group.text, cancel_in_progress: cancel.value === true ? true : undefined };
}

const words: Readonly<Record<string, string | undefined>> = {
  "always()": "always",
  "!cancelled()": "always",
  "failure()": "on_failure",
  "success()": undefined,
};

function readCondition(item: Item, job: JobDraft): undefined {
  const { text = "" } = item;
  const plain = text.replaceAll(/^\s*\$\{\{\s*|\s*\}\}\s*$/g, "").trim();
  if (Object.hasOwn(words, plain)) job.keys["when"] = words[plain];
  else {
    const condition = conditionOf(text);
    if (condition !== undefined) job.keys["rules"] = [{ if: condition }];
    else {
      item.leave(
        "its condition has no equal, so it never runs; write it as the if of a rule",
        `if: ${plain}`,
      );
      job.keys["when"] = "never";
    }
  }
  return undefined;
}

export function readDefaults(item: Item | undefined): RunDefaults {
  const run = item?.take("run");
  return { shell: run?.take("shell")?.text?.split(" ")[0], folder: run?.take("working-directory")?.text };
}

function finish(job: JobDraft, { shell, folder }: RunDefaults): void {
  const { item } = job;
  // On a hosted machine commands are run by bash, in a container by sh.
  const used = [...job.shells][0] ?? shell ?? (job.hasContainer ? "sh" : "bash");
  if (used !== "sh" && used !== "bash") {
    item.tree.note(item, `shell: ${used}`, "the commands of a stage are run by one shell: sh or bash");
  }
  Object.assign(job.keys, {
    image: job.image,
    shell: used === "bash" ? "bash" : undefined,
    working_directory: folder === undefined ? undefined : substitute(folder).text,
    script: orNone(job.script),
    after_script: orNone(job.afterScript),
    cache: job.caches.length > 1 ? job.caches : job.caches[0],
    artifacts: filled(job.artifacts),
  });
}
