import type { Item } from "../tree.ts";
import { orNone, under } from "../values.ts";
import { substitute } from "./expressions.ts";
import type { JobDraft } from "./job-draft.ts";

/** actions/cache, upload-artifact and download-artifact. */

export function keepCache(step: Item, settings: Item | undefined, job: JobDraft): void {
  const paths = pathsIn(settings?.take("path"));
  const key = settings?.take("key")?.text ?? "";
  const restore = settings?.take("restore-keys");
  restore?.leave(
    "a fallback key here is a whole key, not the beginning of one: cache.fallback_keys",
    "restore-keys",
  );
  if (paths.inside.length === 0) {
    step.leave(
      "put the tool's folder below the workspace by its variable, and name it under cache.paths",
      "uses actions/cache",
    );
    return;
  }
  job.caches.push({ key: keyOf(step, key, job), paths: paths.inside });
}

function keyOf(step: Item, key: string, job: JobDraft): unknown {
  const calls = [...key.matchAll(/hashFiles\(([^)]*)\)/g)].map(([, globs = ""]) => globs);
  const files = calls.flatMap((globs) => [...globs.matchAll(/'([^']+)'/g)].map(([, glob = ""]) => glob));
  const rest = key.replaceAll(/\$\{\{[^}]*hashFiles[^}]*\}\}/g, "");
  const prefix = job.text(step, rest).replace(/-+$/, "");
  if (files.length === 0) return prefix || "default";
  return prefix === "" ? { files } : { files, prefix };
}

export function upload(step: Item, settings: Item | undefined, job: JobDraft): void {
  const condition = step.take("if");
  if (settings === undefined) {
    step.leave("it has no path", "uses actions/upload-artifact");
    return;
  }
  job.uploads.push(settings.take("name")?.text ?? "artifact");
  under(settings, "name", (name) =>
    name.leave("artifacts are fetched file by file, under their own names", "upload-artifact: name"),
  );
  under(settings, "if-no-files-found", (missing) => {
    if (missing.text !== "error")
      missing.leave("a stage that succeeded without any of its artifacts fails", "if-no-files-found");
    return undefined;
  });
  const { inside, excluded } = pathsIn(settings.take("path"));
  const { artifacts } = job;
  job.artifacts = {
    ...artifacts,
    paths: orNone([...textsOf(artifacts["paths"]), ...inside]),
    exclude: orNone([...textsOf(artifacts["exclude"]), ...excluded]),
    when: condition === undefined ? artifacts["when"] : whenOf(condition),
    expire_in: under(settings, "retention-days", daysOf) ?? artifacts["expire_in"],
  };
}

function daysOf(item: Item): string | undefined {
  const days = Math.min(366, Math.floor(Number(item.value)));
  return days >= 1 ? `${days}d` : item.leave("a number of days is expected here", "retention-days");
}

function whenOf(item: Item): string | undefined {
  const { text = "" } = item;
  if (text.includes("always()") || text.includes("!cancelled()")) return "always";
  if (text.includes("failure()")) return "on_failure";
  return item.leave("artifacts are kept by how the script ended: artifacts.when", `if: ${text}`);
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === "string") : [];
}

export function download(step: Item, settings: Item | undefined, job: JobDraft): void {
  settings?.take("path")?.leave("artifacts are put where they were", "download-artifact: path");
  const name = settings?.take("name");
  name?.leave("all artifacts of a stage that it needs are there", "download-artifact: name");
  job.downloads.push(name?.text ?? "*");
  step.tree.note(
    step,
    "uses actions/download-artifact",
    "nothing to do: a stage has the artifacts of those that it needs",
  );
}

/** A path a line; those that begin with "!" are left out. */
function pathsIn(item: Item | undefined): { readonly inside: string[]; readonly excluded: string[] } {
  const inside: string[] = [];
  const excluded: string[] = [];
  if (item === undefined) return { inside, excluded };
  for (const line of (item.text ?? "").split("\n").map((each) => each.trim())) {
    const path = substitute(line.replace(/^!/, "")).text.replace(/^\$\{CI_PROJECT_DIR\}\/|^\.\//, "");
    if (path === "") continue;
    if (/^[~/$]/.test(path) || path.split("/").includes("..")) {
      item.tree.note(item, path, "only what lies below the workspace can be kept");
    } else (line.startsWith("!") ? excluded : inside).push(path);
  }
  return { inside, excluded };
}
