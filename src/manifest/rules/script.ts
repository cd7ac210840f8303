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

/** An image that has an entrypoint of the manifest's has no shell for these. */
export function needsShell({ source, defaults }: Checked, id: string, stage: ManifestStage): Problem[] {
  const image = stage.image ?? defaults.image;
  if (typeof image !== "object" || image.entrypoint === undefined) return [];
  const said = (["before_script", "after_script"] as const).filter(
    (key) => !isBlank(stage[key] ?? defaults[key] ?? []),
  );
  const keys = [...said, ...(stage.shell === undefined ? [] : (["shell"] as const))];
  return keys.map((key) => {
    const isOwn = stage[key] !== undefined;
    const remedy = isOwn ? "leave one of them out" : `give the stage "${key}: []"`;
    return source.problemAtKey(
      isOwn ? ["stages", id, key] : ["default", key],
      `stage "${id}" has an entrypoint in place of a shell, and "${key}" asks for one; ${remedy}`,
    );
  });
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
