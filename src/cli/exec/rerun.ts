import { defaultConfig } from "../../store/config.ts";
import { programName } from "../command.ts";
import { shellWord } from "../printable.ts";
import type { ExecOptions } from "./options.ts";

/**
 * A command to paste that runs one stage again. Variables stand in it by name only: their values may be secrets, and
 * this line ends up in logs.
 */
export function rerunCommand(options: ExecOptions, manifest: string, stageId: string): string {
  const words = [
    ...(options.ref === undefined ? [] : [`--ref=${options.ref}`]),
    ...Object.keys(options.variables).flatMap((name) => ["-e", name]),
    ...options.secrets.map((secret) =>
      "file" in secret ? `--secret=${secret.name}=@${secret.file}` : `--secret=${secret.name}`,
    ),
    ...(options.pull ? ["--pull"] : []),
    ...(options.noCache ? ["--no-cache"] : []),
    ...(options.stateDir === undefined ? [] : [`--state-dir=${options.stateDir}`]),
    ...(options.artifacts === undefined ? [] : [`--artifacts=${options.artifacts}`]),
    ...(options.defaultImage === defaultConfig.defaultImage
      ? []
      : [`--default-image=${options.defaultImage}`]),
    manifest,
    stageId,
  ];
  return [programName, "exec", ...words.map(shellWord)].join(" ");
}
