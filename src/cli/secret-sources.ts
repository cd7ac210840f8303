import { createReadStream } from "node:fs";
import { longestSecret, problemOf } from "../runner/secrets.ts";
import { messageOf, systemCodeOf } from "../shared/errors.ts";
import type { SecretValues } from "../store/secrets.ts";
import { usage, type Environment } from "./arguments.ts";
import { quoted } from "./printable.ts";

/** Where a secret's value comes from: never from the command line, which every user of the machine can read. */
export type SecretSource =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly file: string };

/** `K`, for the value that it has in our own environment, or `K=@FILE`. */
export function readSecretSources(
  given: readonly string[],
  environment: Environment,
): readonly SecretSource[] {
  return given.map((text) => {
    const equals = text.indexOf("=");
    const name = secretName("--secret", equals === -1 ? text : text.slice(0, equals));
    if (equals !== -1) return { name, file: fileOf(name, text.slice(equals + 1)) };
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value === undefined)
      throw usage(`--secret ${name}: the environment has no such variable; export it, or give ${name}=@FILE`);
    return { name, value };
  });
}

function fileOf(name: string, text: string): string {
  if (text.startsWith("@") && text.length > 1) return text.slice(1);
  throw usage(
    `--secret ${name}: a value on the command line can be read by every user of this machine; export it and give --secret ${name}, or ${name}=@FILE`,
  );
}

/** Throws `usage`. */
export function secretName(where: string, text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(text)) return text;
  throw usage(`${where}: ${quoted(text)} can't be a secret's name: letters, digits, _, . and -, 128 at most`);
}

export async function readSecrets(sources: readonly SecretSource[]): Promise<SecretValues> {
  const values: Record<string, string> = {};
  for (const source of sources) {
    const value = "file" in source ? await readSecretFile(source.file) : source.value;
    values[source.name] = checked(source.name, value);
  }
  return values;
}

/** The value, or a usage error that doesn't hold it. */
export function checked(name: string, value: string): string {
  const problem = problemOf(value);
  if (problem !== undefined) throw usage(`the secret ${name} ${problem}`);
  return value;
}

/** All of a file, or of stdin for "-". One line is taken without its end; of several every byte counts, as in a private key. */
export async function readSecretFile(file: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of file === "-" ? process.stdin : createReadStream(file)) {
      const bytes = Buffer.from(part);
      parts.push(bytes);
      length += bytes.length;
      if (length > longestSecret + 1) break;
    }
  } catch (error) {
    throw usage(`can't read a secret from ${quoted(file)}: ${systemCodeOf(error) ?? messageOf(error)}`);
  }
  return valueOf(Buffer.concat(parts), file);
}

function valueOf(bytes: Buffer, file: string): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const line = text.replace(/\r?\n$/, "");
    return line.includes("\n") ? text : line;
  } catch {
    throw usage(`${quoted(file)} isn't text; encode it, as base64 for instance`);
  }
}
