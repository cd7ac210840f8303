import { basename, dirname, resolve } from "node:path";
import { RunnerError, messageOf } from "../shared/errors.ts";
import { commonDirOf } from "./git-folder.ts";
import { openRepository, type Repository } from "./repository.ts";
import type { Source } from "./source.ts";
import type { Submodule } from "./gitmodules.ts";

/** Where a relative address is counted from: the repository's own place on this machine. */
export async function placeOf(source: Source): Promise<string> {
  if (source.kind === "tree") return source.folder;
  const common = await commonDirOf(source.gitDir);
  return basename(common) === ".git" ? dirname(common) : common;
}

/** The submodule's repository on this machine, under one of `roots`. Nothing is ever fetched from elsewhere. */
export async function repositoryOf(
  submodule: Submodule,
  place: string,
  roots: readonly string[],
): Promise<Repository> {
  const name = `submodule ${JSON.stringify(submodule.path)}`;
  const path = pathOf(name, submodule.url, place);
  try {
    return await openRepository(path, roots);
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error;
    const why = messageOf(error).replaceAll(JSON.stringify(path), JSON.stringify(submodule.url));
    throw refusal(`${name}: ${why}`);
  }
}

function pathOf(name: string, url: string, place: string): string {
  if (url.length > 4096 || /\p{Cc}/u.test(url)) throw refusal(`${name}: its url isn't one`);
  if (/^\.\.?(\/|$)/.test(url)) return resolve(place, url);
  if (url.startsWith("/")) return url;
  const shown = JSON.stringify(withoutUser(url).slice(0, 200));
  throw refusal(
    `${name}: its url ${shown} isn't on this machine, and the runner fetches none; write one that is relative to this repository ` +
      `("../lib.git") or absolute, with a copy under the repository roots, or fetch it in the script`,
  );
}

/** Names and passwords before the host are nobody's business. */
function withoutUser(url: string): string {
  return url.replace(/^([^/?#]*\/\/)[^/]*@/, "$1");
}

function refusal(message: string): RunnerError {
  return new RunnerError("checkout_failed", message);
}
