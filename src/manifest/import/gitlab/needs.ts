import type { StageIds } from "../draft.ts";
import type { Item } from "../tree.ts";
import { flagIn, leaveKeys, under } from "../values.ts";
import type { Jobs } from "./jobs.ts";

type Need = string | { readonly stage: string; readonly artifacts?: boolean; readonly optional?: boolean };

/** What a job waits for: its `needs`, or else every job of the stage before, as GitLab has it. */
export function needsOf(name: string, jobs: Jobs, ids: StageIds): Need[] | undefined {
  const own = jobs.find(name, "needs");
  const needs = own === undefined ? needsOfOrder(name, jobs, ids) : ownNeeds(own, jobs, ids);
  const dependencies = jobs.find(name, "dependencies");
  const result = dependencies === undefined ? needs : withDependencies(needs, dependencies, jobs, ids);
  return result.length > 0 ? result : undefined;
}

function ownNeeds(item: Item, jobs: Jobs, ids: StageIds): Need[] {
  item.tree.take(item.spot);
  return item.list().flatMap((need) => (need.value === null ? [] : (ownNeed(need, jobs, ids) ?? [])));
}

function ownNeed(need: Item, jobs: Jobs, ids: StageIds): Need | undefined {
  const stage = need.isMap ? need.take("job")?.text : need.text;
  if (stage === undefined || need.has("pipeline") || need.has("project")) {
    return need.leave("a stage needs stages of its own pipeline only", "needs");
  }
  leaveKeys(need, { parallel: "a need names all combinations of a matrix, or one by its id" }, "needs.");
  const optional = under(need, "optional", flagIn) === true;
  const artifacts = under(need, "artifacts", flagIn) !== false;
  if (jobs.hasScript(stage)) return needFor(ids.of(stage), artifacts, optional);
  return need.leave("no job of this name has a script in these files", `needs ${stage}`);
}

function needFor(stage: string, artifacts: boolean, optional: boolean): Need {
  if (artifacts && !optional) return stage;
  return { stage, ...(artifacts ? {} : { artifacts }), ...(optional ? { optional } : {}) };
}

/** Jobs of earlier stages hand on their artifacts as well, however far back they are. */
function needsOfOrder(name: string, jobs: Jobs, ids: StageIds): Need[] {
  const rank = jobs.facts(name)?.rank ?? 0;
  const earlier = [...jobs.all.keys()].flatMap((other) => {
    const facts = jobs.facts(other);
    const isBefore = facts !== undefined && facts.rank < rank && facts.hasScript && !facts.isManual;
    return isBefore && !other.startsWith(".") ? [{ other, ...facts }] : [];
  });
  const last = earlier.reduce((most, facts) => Math.max(most, facts.rank), -1);
  return earlier
    .filter((facts) => facts.rank === last || facts.leavesFiles)
    .map(({ other }) => ids.of(other));
}

/** The jobs whose artifacts are wanted; those of others aren't. */
function withDependencies(needs: readonly Need[], item: Item, jobs: Jobs, ids: StageIds): Need[] {
  item.tree.take(item.spot);
  const wanted = new Set(
    item.list().map((name) => {
      const { text = "" } = name;
      if (!jobs.hasScript(text))
        name.leave("no job of this name has a script in these files", `dependencies ${text}`);
      return ids.of(text);
    }),
  );
  return needs.map((need) => {
    const stage = typeof need === "string" ? need : need.stage;
    if (wanted.has(stage)) return need;
    return { ...(typeof need === "string" ? { stage } : need), artifacts: false };
  });
}
