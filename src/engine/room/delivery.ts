import { RunnerError } from "../../shared/errors.ts";
import type { Delivery } from "../engine.ts";
import { quote } from "./script.ts";

/** Beyond what any image's programs may be started with; the stage keeps it in memory. */
const mostBytes = 64 * 1024 * 1024;
/** Of the file system in memory: the delivery, and its files once more. */
export const secretsFolderBytes = 2 * mostBytes;

/**
 * Shell text that gives a stage its environment when it's sourced, and makes the files that weren't made yet; `folder` is where
 * they go. Names are checked by whoever made them: a letter or "_", then those and digits.
 */
export function deliveryText({ environment, files = {} }: Delivery, folder: string): string {
  const lines = [
    ...Object.entries(environment).map(([name, value]) => exportLine(name, value)),
    ...Object.entries(files).map(([name, text]) => fileLines(name, text, `${folder}/${name}`)),
  ];
  const text = `${lines.join("\n")}\n`;
  if (Buffer.byteLength(text) <= mostBytes) return text;
  throw new RunnerError(
    "engine_failed",
    `the stage's variables and secrets are too large together: at most ${String(mostBytes / 2 ** 20)} MiB`,
  );
}

function exportLine(name: string, value: string): string {
  const assignment = `export ${name}=${quote(value)}`;
  return readOnlyInSomeShells.has(name) ? `(${assignment}) 2>/dev/null && ${assignment}` : assignment;
}

function fileLines(name: string, text: string, path: string): string {
  const file = quote(path);
  return `if [ ! -e ${file} ]; then (umask 077; printf %s ${quote(text)} >${file}); fi\n${exportLine(name, path)}`;
}

const readOnlyInSomeShells = new Set(["BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"]);
