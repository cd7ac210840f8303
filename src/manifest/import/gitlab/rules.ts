import { anyOf, quotedText, whyNoCondition } from "../conditions.ts";
import type { Keys } from "../draft.ts";
import type { Item } from "../tree.ts";
import {
  filled,
  globsIn,
  leaveKeys,
  sameWords,
  textIn,
  textsIn,
  under,
  variablesIn,
  wordIn,
} from "../values.ts";
import { allowFailureOf, manualAdvice } from "./words.ts";

const whens = sameWords("on_success", "on_failure", "always", "never");

export function rulesOf(items: readonly Item[]): Keys[] | undefined {
  const rules = items.map(ruleOf).filter((rule) => rule !== undefined);
  return rules.length > 0 ? rules : undefined;
}

function ruleOf(item: Item): Keys | undefined {
  if (!item.isMap) return item.leave("a rule is a map", "rules");
  const rule = filled({
    if: under(item, "if", conditionOf),
    changes: under(item, "changes", pathsOf),
    exists: under(item, "exists", pathsOf),
    when: under(item, "when", ruleWhen),
    variables: under(item, "variables", variablesIn),
    allow_failure: under(item, "allow_failure", allowFailureOf),
  });
  // Without its condition a rule would decide for everybody: then it's better that none of it is there.
  const lost = ["if", "changes", "exists"].some((key) => item.has(key) && rule?.[key] === undefined);
  if (lost) return item.leave("the whole rule is left out, since what it asks has no equal", "rules");
  leaveKeys(item, notCarried, "rules.");
  return rule ?? {};
}

const notCarried: Readonly<Record<string, string>> = {
  needs: "needs are the same whichever rule decides",
  interruptible: "concurrency: { cancel_in_progress: true } ends older runs",
  start_in: "a stage starts when what it needs is final",
};

function conditionOf(item: Item): string | undefined {
  const text = textIn(item);
  const why = text === undefined ? undefined : whyNoCondition(text);
  return why === undefined ? text : item.leave(why, "rules.if");
}

function pathsOf(item: Item): string[] | undefined {
  if (!item.isMap) return globsIn(item);
  item
    .take("compare_to")
    ?.leave("the commit is compared with what the forge names", "rules.changes.compare_to");
  const paths = item.take("paths");
  return paths === undefined ? undefined : globsIn(paths);
}

function ruleWhen(item: Item): string | undefined {
  if (item.text === "manual") {
    item.leave(manualAdvice, "when: manual");
    return "never";
  }
  if (item.text === "delayed") return item.leave("it starts when what it needs is final", "when: delayed");
  return wordIn(item, whens);
}

/** Rules that say what `only` and `except` say. */
export function rulesOfRefs(holder: Item): Keys {
  const only = holder.take("only");
  const except = holder.take("except");
  const when = under(holder, "when", ruleWhen);
  const rules: Keys[] = [];
  if (except !== undefined) {
    for (const test of testsOf(except)) rules.push({ ...test, when: "never" });
  }
  const wanted = only === undefined ? [{}] : both(testsOf(only), only);
  for (const test of wanted) rules.push({ ...test, when: when ?? "on_success" });
  return { rules: rules.length > 0 ? rules : [{ when: "never" }], when: undefined };
}

/** Of `only`, all of refs, variables and changes must hold; of `except` each alone is enough. */
function both(tests: readonly Keys[], only: Item): readonly Keys[] {
  if (!only.isMap || tests.length < 2) return tests;
  const texts = tests.flatMap(({ if: text }) => (typeof text === "string" ? [text] : []));
  const joined = texts.map((text) => (text.includes("||") ? `(${text})` : text)).join(" && ");
  return [Object.assign({}, ...tests, texts.length > 0 ? { if: joined } : {})];
}

function testsOf(item: Item): readonly Keys[] {
  if (!item.isMap) return refTest(item);
  const refs = item.take("refs");
  const variables = item.take("variables");
  const changes = item.take("changes");
  item.take("kubernetes")?.leave("the forge knows no clusters", `${item.key}.kubernetes`);
  const texts = (variables?.list() ?? []).flatMap((each) => conditionOf(each) ?? []);
  const globs = changes === undefined ? undefined : globsIn(changes);
  return [
    ...(refs === undefined ? [] : refTest(refs)),
    ...(texts.length > 0 ? [{ if: anyOf(texts) }] : []),
    ...(globs === undefined ? [] : [{ changes: globs }]),
  ];
}

const kinds: Readonly<Record<string, string>> = { branches: "$CI_COMMIT_BRANCH", tags: "$CI_COMMIT_TAG" };
const sources = new Set(
  "api chat external external_pull_requests merge_requests pipelines pushes schedules triggers web".split(
    " ",
  ),
);

function refTest(item: Item): readonly Keys[] {
  const texts = item.list().flatMap((ref) => textOfRef(ref) ?? []);
  return texts.length > 0 ? [{ if: anyOf(texts) }] : [];
}

function textOfRef(item: Item): string | undefined {
  const [ref] = textsIn(item) ?? [];
  if (ref === undefined) return undefined;
  if (Object.hasOwn(kinds, ref)) return kinds[ref];
  if (sources.has(ref)) return item.leave("what started a pipeline isn't known here", ref);
  const test = ref.startsWith("/")
    ? `$CI_COMMIT_REF_NAME =~ ${ref}`
    : `$CI_COMMIT_REF_NAME == ${quotedText(ref)}`;
  const why = whyNoCondition(test);
  return why === undefined ? test : item.leave(why, ref);
}
