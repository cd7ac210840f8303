import { createReadStream } from "node:fs";
import { usage } from "./arguments.ts";
import { messageOf, systemCodeOf } from "../shared/errors.ts";
import { quoted } from "./printable.ts";

const maxBytes = 4096;

/** The nonce itself, or the first line of a file, or of stdin for "-". Throws `usage` without one. */
export async function readNonce(nonce: string | undefined, file: string | undefined): Promise<string> {
  if (nonce !== undefined && file !== undefined) throw usage("--nonce and --nonce-file exclude each other");
  const given = file === undefined ? nonce : await readFirstLine(file);
  if (given === undefined) {
    throw usage(
      "a nonce is needed: --nonce=N or --nonce-file=FILE, from the forge's runner page (or --offline)",
    );
  }
  const word = given.trim();
  if (word === "")
    throw usage(
      file === undefined ? "the nonce is empty" : `${quoted(file)} holds no nonce in its first line`,
    );
  if (!/^[\u0021-\u007e]+$/.test(word))
    throw usage("the nonce holds spaces, control characters or letters beyond ASCII");
  if (word.length > maxBytes) throw usage(`the nonce is longer than ${maxBytes} characters`);
  return word;
}

async function readFirstLine(file: string): Promise<string> {
  const source = file === "-" ? process.stdin : createReadStream(file);
  let text = "";
  try {
    for await (const chunk of source) {
      text += String(chunk);
      if (text.includes("\n") || text.length > maxBytes) break;
    }
  } catch (error) {
    throw usage(`can't read the nonce from ${quoted(file)}: ${systemCodeOf(error) ?? messageOf(error)}`);
  }
  return text.split("\n")[0] ?? "";
}
