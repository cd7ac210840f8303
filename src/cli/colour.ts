import type { Environment } from "./arguments.ts";

export type ColourChoice = "auto" | "always" | "never";

/** Colour or not, in the usual order: the flag, FORCE_COLOR, NO_COLOR, TERM=dumb, terminal or not. */
export function wantsColour(choice: ColourChoice, environment: Environment, isTerminal: boolean): boolean {
  if (choice !== "auto") return choice === "always";
  const { FORCE_COLOR: force = "", NO_COLOR: no = "", TERM: term } = environment;
  if (force !== "") return force !== "0" && force !== "false";
  if (no !== "" || term === "dumb") return false;
  return isTerminal;
}
