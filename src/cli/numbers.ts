import { usage } from "./arguments.ts";
import { quoted } from "./printable.ts";

/** A whole number in digits, within its bounds; undefined stays undefined. Throws `usage`. */
export function readWholeNumber(
  name: string,
  text: string | undefined,
  bounds: { readonly least: number; readonly most: number },
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= bounds.least && number <= bounds.most) return number;
  throw usage(`${name} is a whole number from ${bounds.least} to ${bounds.most}, not ${quoted(text)}`);
}
