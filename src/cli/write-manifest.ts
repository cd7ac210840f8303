import { readFileSync, writeFileSync } from "node:fs";
import { messageOf, RunnerError, systemCodeOf } from "../shared/errors.ts";
import { usage } from "./arguments.ts";

/** Writes a manifest that a command has made. One that is there already is kept, unless `force`; the same text again is no conflict. */
export function writeManifest(path: string, text: string, force: boolean): "written" | "unchanged" {
  const before = textAt(path);
  if (before === text) return "unchanged";
  if (before !== undefined && !force) {
    throw usage(`${path} is there already; --force overwrites it, --stdout only shows what would be written`);
  }
  try {
    // "wx": never through a link that somebody has put there meanwhile.
    writeFileSync(path, text, { flag: before === undefined ? "wx" : "w" });
  } catch (error) {
    throw new RunnerError("state_unwritable", `can't write ${path}: ${messageOf(error)}`, { cause: error });
  }
  return "written";
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw usage(`${path} is there already, and can't be read (${systemCodeOf(error) ?? messageOf(error)})`);
  }
}
