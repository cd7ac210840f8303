import { RunnerError } from "../shared/errors.ts";

const maxRefLength = 255;
const forbidden = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|[/.]$|\.lock$/u;

/** Refuses what git would take for an option, a range, a pattern or a computation, before git sees it. */
export function refuseOddRef(ref: string): void {
  if (ref === "") throw refusal("the ref is empty");
  if (ref.length > maxRefLength) throw refusal(`the ref has more than ${String(maxRefLength)} characters`);
  if (forbidden.test(ref))
    throw refusal(
      `${JSON.stringify(ref)} can't be a ref; name a branch, a tag, a full ref name (refs/…) or a commit's sha`,
    );
}

export function isFullSha(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(text);
}

export function isShortSha(text: string): boolean {
  return /^[0-9a-f]{4,64}$/i.test(text);
}

/** The full names that a ref may stand for, best first: a branch before a tag of the same name. */
export function candidatesOf(ref: string): readonly string[] {
  if (ref.startsWith("refs/")) return [ref];
  return [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/remotes/${ref}`];
}

/** What a full name says: a branch, a tag, or neither. */
export function kindOf(name: string): { readonly branch?: string; readonly tag?: string } {
  if (name.startsWith("refs/heads/")) return { branch: name.slice("refs/heads/".length) };
  if (name.startsWith("refs/tags/")) return { tag: name.slice("refs/tags/".length) };
  return {};
}

function refusal(message: string): RunnerError {
  return new RunnerError("repository_invalid", message);
}
