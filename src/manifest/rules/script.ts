import type { Path, Source } from "../document.ts";
import type { Problem } from "../problem.ts";
import type { Checked } from "../rules.ts";
import type { ManifestStage } from "../schema.ts";
import type { Commands } from "../shapes.ts";

export function missingScript({ source, defaults }: Checked, id: string, stage: ManifestStage): Problem[] {
  const script = stage.script ?? defaults.script;
  if (script === undefined) return [source.problemAtKey(["stages", id], `stage "${id}" has no script`)];
  if (!isBlank(script)) return [];
  const path = stage.script === undefined ? ["default", "script"] : ["stages", id, "script"];
  return [source.problemAtValue(path, `the script of stage "${id}" is empty`)];
}

/** `bash -e` is no program. */
export function shellWithArguments(source: Source, path: Path, { shell }: ManifestStage): Problem[] {
  if (shell === undefined || !/\s/.test(shell)) return [];
  const message = `"shell" is a program's name or path, and takes no arguments; options go into the script: "set -x"`;
  return [source.problemAtValue([...path, "shell"], message)];
}

function isBlank(commands: Commands): boolean {
  return typeof commands === "string" ? commands.trim() === "" : commands.every(isBlank);
}
