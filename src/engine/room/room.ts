import { chmod, mkdir, writeFile } from "node:fs/promises";
import { RunnerError, systemCodeOf } from "../../shared/errors.ts";
import { dirname } from "node:path";
import { afterText, bootText, scriptText, type Commands, type Places } from "./script.ts";

/** Read by the stage; its own files can't be replaced from inside, since each is mounted by itself. */
export const readOnlyFiles = ["boot", "script", "after"] as const;
export const writableFiles = ["env", "gate", "out", "log"] as const;

/**
 * Makes the room: a folder closed to everyone else on this machine, whose files are open to whichever user the stage
 * runs as, once they are mounted into its container.
 */
export async function makeRoom(
  folder: string,
  commands: Commands,
  places: Places,
  nonce: string,
): Promise<void> {
  await makeFolder(folder);
  const texts = {
    boot: bootText(commands, places, nonce),
    script: scriptText(commands, places, nonce),
    after: afterText(commands, places, nonce),
    log: "",
  };
  await Promise.all([
    makeFifos(["env", "gate", "out"].map((name) => `${folder}/${name}`)),
    ...Object.entries(texts).map(([name, text]) => writeFile(`${folder}/${name}`, text)),
  ]);
  await Promise.all([
    ...writableFiles.map((name) => chmod(`${folder}/${name}`, 0o666)),
    ...readOnlyFiles.map((name) => chmod(`${folder}/${name}`, 0o644)),
  ]);
}

/** A room that is there already is a stage's: not to be touched. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
    throw new RunnerError("conflict", "this run has a stage already", { cause: error });
  }
}

async function makeFifos(paths: readonly string[]): Promise<void> {
  const child = Bun.spawn(["mkfifo", ...paths], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  if ((await child.exited) === 0) return;
  const said = await new Response(child.stderr).text();
  throw new RunnerError(
    "state_unwritable",
    "can't make a FIFO in the state folder; is it on a local file system?",
    {
      cause: new Error(said),
    },
  );
}
