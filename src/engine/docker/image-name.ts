import { RunnerError } from "../../shared/errors.ts";

const longest = 512;
const host = String.raw`(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?`;
const part = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const digest = "[A-Za-z0-9_+.-]+:[0-9a-fA-F]{32,}";
const reference = new RegExp(`^(?:${host}/)?${part}(?:/${part})*(?::${tag})?(?:@${digest})?$`);

/**
 * The name becomes part of an address of the engine's API, where "../", "?" and the like would ask for something else.
 * Throws `image_unavailable`.
 */
export function checkImageName(name: string): void {
  if (name.length <= longest && reference.test(name)) return;
  const shown = name.length > longest ? `${name.slice(0, longest)}…` : name;
  throw new RunnerError(
    "image_unavailable",
    `${JSON.stringify(shown)} is no image's name; one is written [registry/]name[:tag], the name in lower case`,
  );
}
