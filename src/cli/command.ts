import { defineCommand, runCommand, type CommandDef } from "citty";
import type { RunnerError } from "../shared/errors.ts";
import { asksForHelp, parseArguments, unknown, usage, type Arguments, type Flags } from "./arguments.ts";
import { exit } from "./exit.ts";
import { renderGroupHelp, renderHelp } from "./help.ts";
import { writeErr, writeOut } from "./output.ts";
import { quoted } from "./printable.ts";

export const programName = "gitfoss-ci-runner";

export interface CommandSpec<F extends Flags> {
  /** With the name of its group: "config show". */
  readonly name: string;
  /** One sentence for the help. */
  readonly summary: string;
  /** "[MANIFEST] [STAGE…]" */
  readonly operands?: string;
  /** One more is a usage error. */
  readonly maxOperands: number;
  readonly flags: F;
  /** What follows the program's name. */
  readonly examples: readonly string[];
  /** Lines for the help that the flags don't say. */
  readonly notes?: readonly string[];
  /** Resolves to the exit code. */
  run(args: Arguments<F>): Promise<number>;
}

export interface CommandGroup {
  /** Empty for the program itself. */
  readonly name: string;
  readonly summary: string;
  readonly commands: Readonly<Record<string, { readonly summary: string; load(): Promise<CommandDef> }>>;
}

/**
 * A citty command that reads its own arguments: citty takes unknown flags without a word and keeps but the last of a
 * repeated one.
 */
export function strictCommand<const F extends Flags>(spec: CommandSpec<F>): CommandDef {
  return defineCommand({
    meta: { name: spec.name, description: spec.summary },
    async run({ rawArgs }) {
      if (asksForHelp(rawArgs)) {
        await writeOut(renderHelp(programName, spec));
        return exit.ok;
      }
      const args = parseArguments(spec.flags, rawArgs, process.env);
      const extra = args.operands[spec.maxOperands];
      if (extra !== undefined) throw usage(`${spec.name} takes no argument ${quoted(extra)}`);
      return spec.run(args);
    },
  });
}

/** Finds the command that the first word names, loads it and runs it with the rest. */
export async function dispatch(group: CommandGroup, argv: readonly string[]): Promise<number> {
  const [word, ...rest] = argv;
  if (word === "--help" || word === "-h") {
    await writeOut(renderGroupHelp(programName, group));
    return exit.ok;
  }
  if (word === undefined) {
    await writeErr(renderGroupHelp(programName, group));
    return exit.usage;
  }
  const command = Object.hasOwn(group.commands, word) ? group.commands[word] : undefined;
  if (command === undefined) throw unknownWord(group, word);
  const { result } = await runCommand(await command.load(), { rawArgs: rest });
  return typeof result === "number" ? result : exit.ok;
}

function unknownWord(group: CommandGroup, word: string): RunnerError {
  if (word.startsWith("-"))
    return unknown("flag", word, group.name === "" ? ["--help", "--version"] : ["--help"]);
  return unknown("command", word, Object.keys(group.commands));
}

/** A group as a command of another group. */
export function groupCommand(group: CommandGroup): CommandDef {
  return defineCommand({
    meta: { name: group.name, description: group.summary },
    run: ({ rawArgs }) => dispatch(group, rawArgs),
  });
}
