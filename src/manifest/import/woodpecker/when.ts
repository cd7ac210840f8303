import { anyOf, both, type Condition, differs, matches } from "../conditions.ts";
import type { Item } from "../tree.ts";
import { globsIn, leaveKeys, sameWords, textsIn, under, wordIn } from "../values.ts";

export interface When {
  /** Any of these; none: always. */
  readonly conditions: readonly Condition[];
  /** By how what went before ended. */
  readonly status?: "on_failure" | "always";
}

const events: Readonly<Record<string, string>> = { push: "$CI_COMMIT_BRANCH", tag: "$CI_COMMIT_TAG" };

/** A `when`: a map whose keys must all hold, or a list of them of which one must. */
export function whenOf(item: Item | undefined): When {
  if (item === undefined) return { conditions: [] };
  item.tree.take(item.spot);
  const parts = item.list().map((entry) => oneWhen(entry));
  const status = parts.map((part) => part.status).find((word) => word !== undefined);
  const open = parts.some(({ conditions }) => conditions.length === 0);
  return {
    conditions: open ? [] : parts.flatMap(({ conditions }) => conditions),
    ...(status === undefined ? {} : { status }),
  };
}

type Test = (item: Item) => readonly Condition[] | undefined;

const tests: Readonly<Record<string, Test>> = {
  branch: (item) => globTest(item, "CI_COMMIT_BRANCH"),
  event: eventTest,
  path: pathTest,
};

const notCarried: Readonly<Record<string, string>> = {
  cron: "what started a pipeline isn't known here",
  evaluate: "write it as the if of a rule",
  instance: "a manifest is for every forge",
  matrix: "matrix stages are all run",
  platform: "image.platform names the platform",
  ref: "write it as a rule on $CI_COMMIT_BRANCH or $CI_COMMIT_TAG",
  repo: "a manifest belongs to one repository",
  environment: "the forge knows no environments",
};

function oneWhen(item: Item): When {
  let conditions: readonly Condition[] = [];
  for (const [key, test] of Object.entries(tests)) {
    const part = item.take(key);
    const found = part === undefined ? undefined : test(part);
    if (found !== undefined) conditions = conditions.length === 0 ? found : both(conditions, found);
  }
  leaveKeys(item, notCarried, "when.");
  const status = statusOf(item.take("status"));
  return { conditions, ...(status === undefined ? {} : { status }) };
}

function statusOf(item: Item | undefined): When["status"] {
  const words =
    item === undefined
      ? []
      : item.list().flatMap((word) => wordIn(word, sameWords("success", "failure")) ?? []);
  if (!words.includes("failure")) return undefined;
  return words.includes("success") ? "always" : "on_failure";
}

function globTest(item: Item, variable: string): readonly Condition[] | undefined {
  const wanted = item.isMap ? under(item, "include", textsIn) : textsIn(item);
  const unwanted = under(item, "exclude", textsIn) ?? [];
  const any = anyOf((wanted ?? []).map((glob) => matches(variable, glob)));
  const none = unwanted.map((glob) => differs(variable, glob));
  if (none.length === 0) return any === "" ? undefined : [{ if: any }];
  return [{ if: [...(any === "" ? [] : [any.includes("||") ? `(${any})` : any]), ...none].join(" && ") }];
}

function eventTest(item: Item): readonly Condition[] | undefined {
  const known = item.list().flatMap((event) => {
    const { text = "" } = event;
    if (Object.hasOwn(events, text)) return events[text] ?? [];
    event.leave(
      "there are only branches and tags here: what started a pipeline isn't known",
      `when.event ${text}`,
    );
    return [];
  });
  item.tree.take(item.spot);
  // A step for events that don't exist here would otherwise run at every one.
  if (known.length === 0) return [{ if: `$CI_COMMIT_BRANCH == null && $CI_COMMIT_TAG == null` }];
  return [{ if: anyOf(known) }];
}

function pathTest(item: Item): readonly Condition[] | undefined {
  if (!item.isMap) {
    const globs = globsIn(item);
    return globs === undefined ? undefined : [{ changes: globs }];
  }
  for (const key of ["exclude", "ignore_message", "on_empty"]) {
    item.take(key)?.leave("rules.changes names the files that count", `when.path.${key}`);
  }
  const include = item.take("include");
  const globs = include === undefined ? undefined : globsIn(include);
  return globs === undefined ? undefined : [{ changes: globs }];
}
