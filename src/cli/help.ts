import { variableOf, type Flag, type Flags } from "./arguments.ts";

const width = 80;

interface Described {
  readonly name: string;
  readonly summary: string;
  readonly operands?: string;
  readonly flags: Flags;
  readonly examples: readonly string[];
  readonly notes?: readonly string[];
}

interface DescribedGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: Readonly<Record<string, { readonly summary: string }>>;
}

/** The help of one command: at most 80 columns, and short enough for a screen. */
export function renderHelp(program: string, command: Described): string {
  const flags = Object.entries(command.flags);
  const operands = command.operands === undefined ? "" : ` ${command.operands}`;
  const rows = [
    ...flags.map(([name, flag]): [string, string] => [flagColumn(name, flag), flag.about]),
    ["-h, --help", "this text"] satisfies [string, string],
  ];
  return paragraphs([
    [command.summary],
    [`Usage: ${program} ${command.name}${operands}${flags.length > 0 ? " [FLAG…]" : ""}`],
    ["Flags:", ...table(rows)],
    command.notes ?? [],
    environmentOf(flags.map(([name]) => name)),
    ["Example:", ...command.examples.map((example) => `  ${program} ${example}`)],
  ]);
}

/** The help of the program, or of a command that has commands. */
export function renderGroupHelp(program: string, group: DescribedGroup): string {
  const name = group.name === "" ? program : `${program} ${group.name}`;
  const rows = Object.entries(group.commands).map(([word, { summary }]): [string, string] => [word, summary]);
  return paragraphs([
    [group.summary],
    [`Usage: ${name} COMMAND [ARGUMENT…]`],
    ["Commands:", ...table(rows)],
    [`${name} COMMAND --help says more of each.`],
  ]);
}

function flagColumn(name: string, flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const value = flag.kind === "boolean" ? "" : ` ${flag.value ?? "VALUE"}`;
  return `${short}--${name}${value}`;
}

function environmentOf(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  return ["Environment, for flags not given:", ...wrap(names.map(variableOf), "  ")];
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const indent = Math.max(...rows.map(([term]) => term.length)) + 4;
  return rows.flatMap(([term, about]) => {
    const [first = "", ...rest] = wrap(about.split(" "), " ".repeat(indent));
    return [`  ${term}`.padEnd(indent) + first.trimStart(), ...rest];
  });
}

function wrap(words: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function paragraphs(blocks: readonly (readonly string[])[]): string {
  const filled = blocks.filter((block) => block.length > 0);
  return `${filled.map((block) => block.join("\n")).join("\n\n")}\n`;
}
