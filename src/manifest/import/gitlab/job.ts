import type { Keys, StageIds } from "../draft.ts";
import type { Item } from "../tree.ts";
import { sameWords, textIn, variablesIn, wordIn } from "../values.ts";
import { artifactsOf, cacheOf } from "./files.ts";
import { imageOf, servicesOf } from "./images.ts";
import type { Jobs } from "./jobs.ts";
import { rulesOf, rulesOfRefs } from "./rules.ts";
import { allowFailureOf, manualAdvice, retryOf, timeoutOf } from "./words.ts";

/** What GitLab lets `default` have, and what may stand at the top in its place. */
export const defaultKeys: ReadonlySet<string> = new Set(
  "image services cache before_script after_script artifacts retry timeout interruptible tags hooks id_tokens".split(
    " ",
  ),
);

interface Context {
  readonly jobs: Jobs;
  readonly ids: StageIds;
  /** The job, or what holds the defaults. */
  readonly holder: Item;
}

type Convert = (item: Item, context: Context) => Keys;

const converters: Readonly<Record<string, Convert>> = {
  script: (item, { jobs }) => ({ script: commandsOf(item, jobs) }),
  before_script: (item, { jobs }) => ({ before_script: commandsOf(item, jobs) }),
  after_script: (item, { jobs }) => ({ after_script: commandsOf(item, jobs) }),
  image: (item) => ({ image: imageOf(item) }),
  services: (item, { jobs }) => ({ services: servicesOf(jobs.entries(item)) }),
  variables: (item) => ({ variables: variablesIn(item) }),
  extends: (item, { jobs, ids }) => ({ extends: basesOf(item, jobs, ids) }),
  cache: (item, { jobs }) => ({ cache: cacheOf(item, jobs) }),
  artifacts: (item) => ({ artifacts: artifactsOf(item) }),
  rules: (item, { jobs }) => ({ rules: rulesOf(jobs.entries(item)) }),
  only: (_, { holder }) => rulesOfRefs(holder),
  except: (_, { holder }) => (holder.has("only") ? {} : rulesOfRefs(holder)),
  when: whenOf,
  parallel: matrixOf,
  retry: (item) => ({ retry: retryOf(item) }),
  allow_failure: (item) => ({ allow_failure: allowFailureOf(item) }),
  timeout: (item) => ({ timeout: timeoutOf(item) }),
  resource_group: (item) => ({ concurrency: textIn(item) }),
  // Both decide the stage's needs, which are found for all jobs together.
  stage: (item) => (textIn(item), {}),
  needs: () => ({}),
  dependencies: () => ({}),
};

const notCarried: Readonly<Record<string, string>> = {
  tags: "every runner takes every stage; the forge chooses the runner",
  include: "copy what you need of that file into this one",
  trigger: "a stage can't start another pipeline; call the forge's API from a script",
  environment: "the forge knows no environments; a secret and a rule on the branch do what deployments need",
  pages: "publish the artifacts from a script",
  publish: "publish the artifacts from a script",
  coverage: "the log keeps the line; artifacts.reports.junit is what is read of test results",
  release: "make the release from a script",
  secrets: "name them under secrets; they come with the trigger or from the runner's store",
  id_tokens: "name a secret under secrets",
  inherit: "a stage always has the defaults; set the key itself to have another value",
  interruptible: "concurrency: { group: NAME, cancel_in_progress: true } ends older runs of the same group",
  hooks: "put the commands first in before_script",
  start_in: "a stage starts when what it needs is final",
  dast_configuration: "there is no equal",
  identity: "name a secret under secrets",
  run: "write the steps as commands of script",
  manual_confirmation: "a stage runs when it's triggered",
};

/** Every key of a job that has an equal; the others are noted. */
export function convertKeys(holder: Item, jobs: Jobs, ids: StageIds, only?: ReadonlySet<string>): Keys {
  holder.tree.take(holder.spot);
  const keys: Keys = {};
  for (const child of holder.children()) {
    if (only !== undefined && !only.has(child.key)) continue;
    if (Object.hasOwn(notCarried, child.key)) child.leave(notCarried[child.key] ?? "");
    else Object.assign(keys, convertKey(child, { jobs, ids, holder }));
  }
  return keys;
}

function convertKey(child: Item, context: Context): Keys {
  const convert = Object.hasOwn(converters, child.key) ? converters[child.key] : undefined;
  if (convert === undefined) return {}; // noted in the end, as nobody took it
  child.tree.take(child.spot);
  const item = context.jobs.follow(child);
  return item === undefined ? {} : convert(item, context);
}

function commandsOf(item: Item, jobs: Jobs): string[] | undefined {
  const commands = jobs.entries(item).flatMap((entry) => {
    if (entry.value === null) return [];
    return entry.text ?? (entry.leave("a command is a text"), []);
  });
  return commands.length > 0 ? commands : undefined;
}

function basesOf(item: Item, jobs: Jobs, ids: StageIds): string[] | undefined {
  const names = item.list().flatMap((base) => {
    const { text = "" } = base;
    if (jobs.all.has(text)) return [ids.of(text)];
    base.leave("no job or template of this name stands in these files", `extends ${text}`);
    return [];
  });
  return names.length > 0 ? names : undefined;
}

function whenOf(item: Item, { holder }: Context): Keys {
  if (holder.has("only") || holder.has("except")) return {}; // stands in the rules that are made of them
  if (item.text === "manual") {
    item.leave(manualAdvice, "when: manual");
    return { when: "never" };
  }
  if (item.text === "delayed")
    return { when: item.leave("it starts when what it needs is final", "when: delayed") };
  return { when: wordIn(item, sameWords("on_success", "on_failure", "always", "never")) };
}

function matrixOf(item: Item): Keys {
  const matrix = item.take("matrix");
  if (matrix === undefined) {
    return {
      matrix: item.leave(
        "stages that are all the same don't share their work by themselves; a matrix makes several",
        "parallel",
      ),
    };
  }
  const combinations = matrix.list().flatMap((entry) => {
    const axes = entry.children().flatMap((axis) => {
      axis.tree.take(axis.spot);
      const values = axis.list().flatMap((value) => value.text ?? (value.leave("a value is a text"), []));
      return values.length > 0 ? [[axis.key, values] as const] : [];
    });
    return axes.length > 0 ? [Object.fromEntries(axes)] : [];
  });
  const [only] = combinations;
  return { matrix: combinations.length === 1 ? only : combinations.length > 0 ? combinations : undefined };
}
